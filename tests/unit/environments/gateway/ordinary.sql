select sex, count(*) as people from gp_patients group by sex order by people desc

select count(distinct pseudonym) from gp_events where code = '44054006' and event_date >= date '2020-01-01'

with first as (select pseudonym, min(event_date) as d from gp_events group by pseudonym) select year(d), count(*) from first group by all

select p.sex, avg(e.value), median(e.value), quantile_cont(e.value, [0.25, 0.75]) from gp_patients p join gp_events e using (pseudonym) group by p.sex

select *, row_number() over (partition by pseudonym order by event_date desc) as n from gp_events qualify n = 1

select sum(value) over (order by event_date rows between 6 preceding and current row) from gp_events

select sum(value) over w, lag(value, 1, 0) over w from gp_events window w as (partition by pseudonym order by event_date range between interval 1 year preceding and current row exclude current row)

select sex, count(*) filter (where linked) from gp_patients group by rollup (sex)

select sex, year_of_birth, count(*) from gp_patients group by cube (sex, year_of_birth)

select sex, practice_code, count(*), grouping(sex) from gp_patients group by grouping sets ((sex), (practice_code), ())

select case when year_of_birth < 1950 then 'old' when year_of_birth < 1980 then 'middle' else 'young' end as band, count(*) from gp_patients group by band having count(*) >= 10

select case sex when 'F' then 1 else 0 end from gp_patients

select p.* exclude (practice_code) replace (upper(sex) as sex) from gp_patients p limit 10 offset 5

select columns('.*_date') from gp_events

select count(columns(*)) from gp_patients

select * from gp_patients where exists (select 1 from hospital_episodes h where h.pseudonym = gp_patients.pseudonym)

select * from gp_patients where pseudonym not in (select pseudonym from deaths)

select * from gp_patients where year_of_birth > (select avg(year_of_birth) from gp_patients)

select * from gp_patients where year_of_birth >= all (select year_of_birth from gp_patients where sex = 'F')

select sex from gp_patients union all select code from gp_events

select pseudonym from gp_patients except select pseudonym from deaths

select pseudonym from gp_patients intersect select pseudonym from deaths order by 1 limit 5

select sex from gp_patients union by name select code from gp_events

select distinct sex, practice_code from gp_patients

select distinct on (pseudonym) pseudonym, event_date from gp_events order by pseudonym, event_date

from gp_patients select sex, count(*) group by sex

from gp_events

select date_trunc('month', event_date) as m, count(*) from gp_events group by m order by m nulls last

select extract(year from event_date), event_date + interval 30 day, age(event_date) from gp_events

select date_diff('day', min(event_date), max(event_date)) from gp_events

select event_date::varchar, cast(value as integer), try_cast(code as bigint), value::decimal(10, 2) from gp_events

select list(code order by event_date), string_agg(distinct code, ',') from gp_events group by pseudonym

select list_transform(list(value), lambda x: x * 2), list_filter([1, 2, 3], lambda x: x > 1), [1, 2][1], {'a': 1, 'b': 2}.a from gp_events group by pseudonym

select [x * 2 for x in [1, 2, 3] if x > 1]

select unnest([1, 2, 3]) as n

select * from range(10) as r(i) cross join (values (1, 'a'), (2, 'b')) as v(k, name)

select * from generate_series(date '2020-01-01', date '2020-12-01', interval 1 month) as m(month)

select * from gp_patients p, lateral (select count(*) as n from gp_events e where e.pseudonym = p.pseudonym) c

select * from gp_patients p, unnest(range(p.year_of_birth - 1900)) as u(y) limit 5

select * from gp_patients p left join deaths d on p.pseudonym = d.pseudonym and d.date_of_death > date '2020-01-01'

select * from gp_patients p semi join gp_events e on p.pseudonym = e.pseudonym

select * from gp_patients p anti join deaths d using (pseudonym)

select * from gp_events e asof join hospital_episodes h on e.pseudonym = h.pseudonym and e.event_date >= h.admidate

select * from gp_patients natural join deaths

select * from gp_patients full outer join deaths using (pseudonym)

select * from gp_patients p right join deaths d on true

select * from gp_patients positional join deaths

pivot gp_patients on sex in ('F', 'M') using count(*) group by practice_code

select * from (pivot (select sex, practice_code from gp_patients) on sex in ('F', 'M') using count(*)) x

select * from gp_patients pivot (count(*) for sex in ('F', 'M') group by practice_code)

unpivot (select 1 as a, 2 as b) on a, b into name n value v

select * from gp_patients unpivot (v for n in (sex, practice_code))

select sex from gp_patients tablesample reservoir(20 rows) repeatable (42)

select sex from gp_patients using sample 10 percent (bernoulli)

select count(*) from gp_events where code like '44%' or code ilike 'E1_%' or code similar to 'E.*' or regexp_matches(code, '^E1[0-4]')

select count(*) from gp_events where code in ('a', 'b') and not (value between 1 and 5) and value is not null and code is distinct from 'x'

select coalesce(value, 0), nullif(value, 0), ifnull(value, 1), greatest(value, 2), if(value > 1, 'a', 'b') from gp_events

select corr(year_of_birth, 1), stddev(year_of_birth), regr_slope(year_of_birth, 1), entropy(sex), mode(sex), approx_quantile(year_of_birth, 0.5), histogram(sex) from gp_patients

select ntile(4) over (order by year_of_birth), percent_rank() over (order by year_of_birth), first_value(sex ignore nulls) over (order by year_of_birth) from gp_patients

select * from gp_events where event_date > $from and code = $code

select * from gp_events where event_date > ? and code = ?

with recursive m(d) as (select date '2020-01-01' union all select (d + interval 1 month)::date from m where d < date '2020-12-01') select * from m

with a as materialized (select * from gp_patients), b as not materialized (select sex from a) select count(*) from b

select count(*) from (with x as (select pseudonym from gp_events) select distinct pseudonym from x) y

select count(*) from gp_events order by all

select sex, count(*) c from gp_patients group by all order by c desc limit 50%

select 1 + 2 * 3 / 4 // 5 % 6 - -7, 2 ** 3, not true, 'a' || 'b', 5 & 3, 5 | 3, 1 << 2, ~5, 'abc'[1:2]

select (1, 2) = (1, 2), row(1, 2), map {'a': 1}, array_length([1, 2])

select strftime(event_date, '%Y-%m'), make_date(2020, 1, 1), today() - event_date from gp_events

select sum(count(*)) over () from gp_patients group by sex

select max(event_date) - min(event_date) from gp_events group by pseudonym having max(event_date) > min(event_date) + interval '1 year'

select h.admimeth, count(*) as admissions, count(distinct h.pseudonym) as people, round(100.0 * count(*) / sum(count(*)) over (), 1) as share from hospital_episodes h group by h.admimeth order by admissions desc

select true, false, null, 1.5, 1e10, 'text', date '2020-01-01', timestamp '2020-01-01 10:00:00', interval 2 hours, x'00'::blob, time '10:00'

select "sex" as "Sex of person", GP_PATIENTS.Year_Of_Birth from GP_Patients -- a comment
/* another */ where sex <> 'F'

select main.gp_patients.sex from main.gp_patients

select p from gp_patients p limit 1

select sex collate nocase from gp_patients order by 1 collate noaccent

select any_value(sex), arg_max(sex, year_of_birth), bool_and(linked), count_if(linked) from gp_patients

select array_agg(distinct sex) filter (where sex is not null) from gp_patients

select * from (select pseudonym, count(*) over (partition by practice_code) n from gp_patients) where n > 10

select #1, count(*) from gp_patients group by #1

select typeof(sex) from gp_patients

select cast('{}' as json)

select 'a'::enum('a', 'b')

select row_to_json(p) from gp_patients p

select gen_random_uuid()

select uuid()

select json_group_array(sex) from gp_patients

with "x y" as (select 1) select * from "x y"

select to_json(p) from gp_patients p

select p.practice_code, count(distinct p.pseudonym) as people, count(distinct e.pseudonym) filter (where e.code = '44054006') as diabetes, round(100 * diabetes / people, 1) as percent from gp_patients p left join gp_events e using (pseudonym) group by p.practice_code order by percent desc nulls last

with index_event as (
    select pseudonym, min(event_date) as index_date from gp_events where code = '44054006' group by pseudonym
), followed as (
    select i.pseudonym, i.index_date, min(h.ADMIDATE) as first_admission
    from index_event i left join hospital_episodes h
        on h.pseudonym = i.pseudonym and h.ADMIDATE between i.index_date and i.index_date + interval 1 year
    group by all
)
select year(index_date) as year, count(*) as people, count(first_admission) as admitted,
       median(date_diff('day', index_date, first_admission)) as days
from followed group by year order by year

select e.pseudonym, e.event_date, d.date_of_death, date_diff('day', e.event_date, d.date_of_death) as days_left from gp_events e asof left join deaths d on e.pseudonym = d.pseudonym and e.event_date <= d.date_of_death

select width, count(*) from (select floor(value / 10) * 10 as width from gp_events) group by width order by width

select equi_width_bins(min(value), max(value), 10, true) from gp_events

select histogram(value, [10, 20, 50, 100]) from gp_events

select quantile_disc(value, 0.9), percentile_cont(0.5) within group (order by value), mad(value), skewness(value), kurtosis(value), var_samp(value) from gp_events

select corr(a.value, b.value), regr_slope(a.value, b.value), regr_r2(a.value, b.value) from gp_events a join gp_events b on a.pseudonym = b.pseudonym and a.event_date < b.event_date

select approx_count_distinct(pseudonym), approx_quantile(value, [0.1, 0.5, 0.9]), approx_top_k(code, 3), reservoir_quantile(value, 0.5, 100) from gp_events

select p.pseudonym, list({'code': e.code, 'on': e.event_date} order by e.event_date) as history from gp_patients p join gp_events e using (pseudonym) group by p.pseudonym

select list_aggregate(list(value), 'quantile_cont', 0.5), list_avg(list(value)), list_sort(list(value))[-1], len(list_distinct(list(code))), list(value)[1:3] from gp_events group by pseudonym

select map_keys(h), map_values(h), h['44054006'] from (select histogram(code) as h from gp_events)

select struct_extract(s, 'a'), s.b, s['a'], struct_insert(s, c := 3) from (select {'a': 1, 'b': 'x'} as s)

select unnest(s), unnest([1, 2]) from (select {'a': 1, 'b': 2} as s)

select list_reduce([1, 2, 3], lambda acc, x: acc + x), list_zip([1, 2], ['a', 'b']), flatten([[1], [2, 3]]), range(1, 10, 2), array_to_string(['a', 'b'], '-')

select code.upper().left(3), 'a'.concat('b') from gp_events limit 5

select * from gp_events where code in (select unnest($codes)) and event_date >= $from::date

select * from gp_events where list_contains($codes, code) limit $most

select count(*) from gp_events where event_date between date '2020-01-01' and current_date - interval '6 months'

select date_trunc('quarter', event_date) as quarter, count(*) from gp_events group by quarter having count(*) > 5 order by quarter desc limit 8

select time_bucket(interval '2 weeks', event_date) as bucket, avg(value) over (order by time_bucket(interval '2 weeks', event_date) rows between 2 preceding and 2 following) from gp_events

select m.month::date as month, count(e.pseudonym) as events from generate_series(timestamp '2019-01-01', timestamp '2020-12-01', interval 1 month) as m(month) left join gp_events e on date_trunc('month', e.event_date) = m.month group by all order by all

with recursive chain(step, n) as (select 1, 1 union all select step + 1, n * 2 from chain where step < 10) select sum(n) from chain

with recursive reach(code, depth) using key (code) as (select 'E11', 0 union select code, depth + 1 from reach where depth < 3) select * from reach

with gp_events as (select * from gp_events where linked) select count(*) from gp_events

with "people in care" as (select distinct pseudonym from care_events) select count(*) from "people in care"

with a as (select 1 as n), b as (with a as (select 2 as n) select n from a) select a.n, b.n from a, b

select * from (select * from gp_patients order by random() limit 10) order by year_of_birth

select * from gp_patients using sample reservoir(50 rows) repeatable (7)

select * from gp_patients tablesample system(10%) where hash(pseudonym) % 10 = 0

select setting.sex, setting.n from (select sex, count(*) as n from gp_patients group by sex) as setting

select sex, year_of_birth // 10 * 10 as decade, count(*) as n, sum(n) over (partition by sex) as total, n / total as share from gp_patients group by sex, decade qualify n > 1 order by all

select sex, practice_code, grouping_id(sex, practice_code), count(*) from gp_patients group by cube (sex, practice_code)

select first_value(value) over w as baseline, last_value(value) over w, nth_value(value, 2) over w, dense_rank() over w, cume_dist() over w from gp_events window w as (partition by pseudonym order by event_date rows between unbounded preceding and unbounded following)

select value - lag(value) over (partition by pseudonym order by event_date) as change, lead(event_date, 1) over (partition by pseudonym order by event_date) as next from gp_events

select sum(value) over (order by event_date groups between 1 preceding and current row exclude ties) from gp_events

select count(distinct code) over (partition by pseudonym) from gp_events

select max(value) filter (where code = '44054006') over (partition by pseudonym) from gp_events

select * exclude (linked), linked::integer as linked_number from gp_patients

select * rename (sex as gender) from gp_patients

select * replace (year_of_birth // 5 * 5 as year_of_birth) from gp_patients

select columns(lambda c: c like '%date%') from gp_events

select min(columns(* exclude (pseudonym, linked))) from gp_events

select coalesce(*columns(['code'])) from gp_events

select * like '%code%' from gp_patients

pivot (select year(event_date) as year, code, pseudonym from gp_events) on code in ('44054006', '38341003') using count(distinct pseudonym) as people group by year order by year

from gp_patients pivot (count(*) as n, avg(year_of_birth) as born for sex in ('F', 'M') practice_code in ('A80', 'A81'))

unpivot (select practice_code, count(*) as people, max(year_of_birth) as youngest from gp_patients group by practice_code) on people, youngest into name measure value n

select * from (unpivot (select 1 as a, 2 as b) on columns(*))

select pseudonym from gp_events where code = 'a' union select pseudonym from gp_events where code = 'b' except select pseudonym from deaths

(select sex from gp_patients limit 1) union all (select code from gp_events limit 1) order by 1

select exists (from deaths where cause_code = 'I21'), not exists (from deaths), (from deaths select count(*))

select * from gp_patients p where year_of_birth = (select max(year_of_birth) from gp_patients q where q.practice_code = p.practice_code)

select * from gp_patients p, lateral (select max(value) as highest from gp_events e where e.pseudonym = p.pseudonym) as latest

select * from gp_patients p join lateral (select code from gp_events e where e.pseudonym = p.pseudonym order by event_date desc limit 1) on true

select * from gp_patients p inner join deaths d nearest 2 by distance abs(p.year_of_birth - 1950)

select (sex, practice_code) as pair, count(*) from gp_patients group by pair

select count(*) from gp_patients where (sex, practice_code) in (('F', 'A80'), ('M', 'A81'))

select value::decimal(8, 2), code::bigint, try_cast(code as integer), event_date::timestamp, [1]::double[], {'a': 1}::struct(a bigint), 'x'::varchar, cast(null as uuid), '1 day'::interval from gp_events limit 3

select case when value is null then 'none' when value < 50 then 'low' when value < 100 then 'middle' else 'high' end as band, count(*) from gp_events group by 1 order by 1

select if(value > 50, 'high', 'low'), nullif(code, ''), ifnull(value, 0), greatest(value, 10), try(1 / 0) from gp_events limit 1

select regexp_extract(DIAG_01, '^[A-Z]\d\d'), substring(DIAG_01, 1, 3), left(DIAG_01, 3), DIAG_01[1:3], starts_with(DIAG_01, 'E11'), DIAG_01 ~ 'E1[0-4].*' from hospital_episodes

select DIAG_01, count(*) from hospital_episodes where DIAG_01 like 'E11%' or DIAG_01 ilike 'e10_' or DIAG_01 similar to 'E1[2-4].*' or DIAG_01 glob 'E1?' group by DIAG_01

select string_agg(distinct ADMIMETH, ', ' order by ADMIMETH) as methods, group_concat(DIAG_01) from hospital_episodes

select substring('abc' from 2 for 1), position('b' in 'abc'), trim(both 'x' from 'xax'), overlay('abc' placing 'x' from 2 for 1), extract(year from date '2020-01-01'), interval '1' month

select date '2020-02-29' + interval 1 year, last_day(date '2020-02-01'), isodow(date '2020-01-01'), weekofyear(date '2020-01-01'), strptime('01/02/2020', '%d/%m/%Y')::date, strftime(date '2020-01-01', '%B'), age(date '2020-01-01', date '1950-06-01'), timestamp '2020-01-01 00:00' at time zone 'Europe/London'

select arg_max(code, event_date), arg_min(code, event_date, 2), any_value(linked), mode(code), first(code order by event_date), last(code), bool_or(linked), bit_xor(value::integer), product(1.01), geomean(value), fsum(value), entropy(code) from gp_events

select json_extract_string('{"a": {"b": 1}}', '$.a.b'), '{"a": 1}'::json ->> 'a', to_json({'a': 1}), json_keys('{"a": 1}')

select md5(code), sha256(code), levenshtein(code, 'abc'), jaro_winkler_similarity(code, 'abc'), lpad(code, 10, '0'), reverse(code), format('{} of {}', 1, 2), printf('%5.1f', 1.5) from gp_events limit 2

select e.* from gp_events e semi join deaths d using (pseudonym) anti join care_events c using (pseudonym)

select SERVICE_TYPE, count(*) from care_events group by SERVICE_TYPE having count(*) >= 10

select count(*) from gp_patients p full join hospital_episodes h using (pseudonym) full join care_events c using (pseudonym) full join deaths d using (pseudonym)

select h.ADMIMETH[1] = '2' as emergency, count(*) from hospital_episodes h group by all

select 'Ärzte, naïve, 日本' as text, $$it's$$ as quoted, e'a\tb' as escaped -- a comment; not another statement

/* the cohort */ select /* all */ count(*) from gp_patients;

select #2, count(*) from (select sex, practice_code from gp_patients) group by #2

select year_of_birth between 1940 and 1950 as war, not linked as unlinked, sex is distinct from 'F', sex is not distinct from 'M', linked is true, sex is null from gp_patients

select sum(x) from (values (1), (2), (3)) as v(x)

values (1, 'a'), (2, 'b')

table deaths

select main.deaths.cause_code, d.cause_code from main.deaths, deaths as d limit 1

select "pseudonym", "year_of_birth" as "Year of birth" from "gp_patients" order by "Year of birth" desc

select distinct on (practice_code) practice_code, sex, year_of_birth from gp_patients order by practice_code, year_of_birth desc

select all sex from gp_patients limit 10%

select sex from gp_patients order by all desc nulls first limit 3 offset (select 1)

select typeof(value), count(*) from gp_events group by all

select n: count(*), sex from gp_patients group by sex

select gen_random_uuid() is not null, random() < 1, uuid() is not null

select rank() over (order by value desc), fill(value) over (order by event_date), array[1, 2], code not in ('a', 'b'), nullif(code, '') from gp_events order by event_date asc, value desc nulls last limit 5

-- refused: gate.table (names that the approval does not give, in every place where a table or a subquery may stand)

select * from secret

select * from main.secret

select * from "secret"

select * from SECRET

select * from gp_patients, secret

select * from gp_patients join secret using (pseudonym)

select (select count(*) from secret)

select * from gp_patients where pseudonym in (select pseudonym from secret)

select * from gp_patients where exists (select 1 from secret)

with x as (select * from secret) select * from x

with gp as (select 1) select * from secret

select * from (with secret as (select 1) select * from secret) a, secret

with recursive r as (select * from secret union all select * from r) select * from r

select sex from gp_patients union all select nhs_number from secret

select sex from gp_patients intersect select nhs_number from secret

select sex from gp_patients except select nhs_number from secret

select * from gp_patients p, lateral (select * from secret) s

select * from (values ((select max(nhs_number) from secret))) v(a)

select case when (select true from secret limit 1) then 1 end

select [ (select nhs_number from secret limit 1) ]

select list_transform([1], x -> (select max(nhs_number) from secret))

select count(*) filter (where exists (select 1 from secret)) from gp_patients

select sum(1) over (order by (select max(nhs_number) from secret)) from gp_patients

select * from gp_patients order by (select max(nhs_number) from secret)

select * from gp_patients limit (select count(*) from secret)

select * from gp_patients qualify (select count(*) from secret) > 0

select sex from gp_patients group by sex having (select count(*) from secret) > 0

pivot secret on a in (1) using count(*)

select * from secret pivot (count(*) for sex in ('F'))

unpivot secret on a, b into name n value v

select * from secret tablesample 10%

from secret

table secret

select * from duckdb_tables

select * from duckdb_logs

select * from pg_tables

select * from sqlite_master

select * from sqlite_schema

select columns(c -> c = (select max(nhs_number) from secret)) from gp_patients

select * from unnest((select list(nhs_number) from secret))

select * from range((select count(*) from secret))

select * from gp_patients asof join secret on gp_patients.pseudonym >= secret.pseudonym

select * from gp_patients positional join secret

select * from gp_patients natural join secret

select * from gp_patients semi join secret using (pseudonym)

select * from ((gp_patients join deaths using (pseudonym)) join secret using (pseudonym))

select try((select max(nhs_number) from secret))

select map {'a': (select max(nhs_number) from secret)}

select (select nhs_number from secret limit 1) collate nocase

select sum(1) over w from gp_patients window w as (order by (select max(nhs_number) from secret))

select * from gp_patients where pseudonym = (select pseudonym from "Secret")

select * from gp_patient

select * from "gp_patients "

select * from GP_PATİENTS

select * from gp_patıents

select * from main.hidden

select * from "main"."secret"

select * from "main.gp_patients"

select * from hidden

select * from outside

with recursive secret(n) as (select n from secret union all select n + 1 from secret where n < 3) select * from secret

with secret as (select * from secret) select * from secret

with secret as materialized (select * from secret) select * from secret

with a as (select * from b), b as (select 1) select * from a

with a as (with inner_one as (select 1) select * from inner_one) select * from inner_one

select * from (with x as (select 1) select * from x) as y join x on true

(with x as (select 1) select * from x) union all select * from x

select (with x as (select 1 as n) select n from x), (select n from x)

with x as (select 1) select * from main.x

with recursive a as (select 1 as n union all select n from b), b as (select 1 as n) select * from a

select * from gp_patients where sex in (select nhs_number from secret)

select * from gp_patients where sex = any(select nhs_number from secret)

select * from gp_patients where sex > all(select nhs_number from secret)

select array(select nhs_number from secret)

select list(nhs_number) from secret

select {'a': (from secret limit 1)}

select struct_pack(a := (select max(nhs_number) from secret))

select coalesce(null, (select max(nhs_number) from secret))

select 'a' between (select min(nhs_number) from secret) and 'z'

select (select max(nhs_number) from secret)::integer

select cast((select max(nhs_number) from secret) as date)

select [1, 2][(select n from secret)]

select 'abc'[(select n from secret):]

select x from unnest((select list(nhs_number) from secret)) u(x)

select * from generate_series(1, (select max(n) from secret))

select * from gp_patients limit 5 offset (select n from secret)

select distinct on ((select max(nhs_number) from secret)) sex from gp_patients

select * replace ((select max(nhs_number) from secret) as sex) from gp_patients

select columns(c -> exists (from secret)) from gp_patients

select sex, count(*) from gp_patients group by sex, (select max(nhs_number) from secret)

select count(*) from gp_patients group by grouping sets ((sex), ((select max(nhs_number) from secret)))

select lag(sex, (select n from secret)) over (order by sex) from gp_patients

select lag(sex, 1, (select nhs_number from secret)) over (order by sex) from gp_patients

select sum(1) over (order by year_of_birth rows between (select n from secret) preceding and current row) from gp_patients

select sum(1) over (partition by (select nhs_number from secret)) from gp_patients

select sum(1) filter (where exists (from secret)) over () from gp_patients

select string_agg(sex, ',' order by (select nhs_number from secret)) from gp_patients

select quantile_cont(year_of_birth, (select n from secret)) from gp_patients

select * from gp_patients p join deaths d on exists (from secret)

select * from gp_patients left join lateral (from secret) s on true

from gp_patients, (table secret)

from (values (1), ((select n from secret))) v(a)

select * from gp_patients pivot (max((select nhs_number from secret)) for sex in ('F'))

select * from gp_patients pivot (count(*) for (select max(nhs_number) from secret) in ('F'))

pivot gp_patients on sex in ('F') using max((select nhs_number from secret))

unpivot (from secret) on nhs_number, sex into name n value v

select * from gp_patients unpivot (v for n in ((select nhs_number from secret), sex))

with recursive r(k, n) using key (k) as (select 1, 2 union select k, (select n from secret) from r) select * from r

select 1 union by name select * from secret

select 1 union all (select 2 union all (select n from secret))

select not exists (from secret)

select 1 where (1, 'F') in (select n, sex from secret)

select try_cast((select nhs_number from secret) as integer)

select [x for x in (select list(nhs_number) from secret)]

select list_filter([1], lambda x: x in (select n from secret))

select list_reduce([1, 2], lambda x, y: (select n from secret))

select * from duckdb_secrets

select * from duckdb_settings

select * from sqlite_temp_master

select * from pg_class

/* select 1 */ select * from secret -- gp_patients

select/**/*/**/from/**/secret

select '''' from secret

select $$ ' $$ from secret

select e'\'' from secret --'

select "a""b" from secret

select * from(secret)

select * from ((secret))

select * from secret as gp_patients

select gp_patients.* from secret gp_patients

select nhs_number from gp_patients, secret

select 1 / (select count(*) from secret)

values ((select nhs_number from secret))

-- refused: gate.schema (catalogues, schemas, versions)

select * from material.gp_patients

select * from scope.material.gp_patients

select * from scope.main.gp_patients

select * from memory.main.gp_patients

select * from temp.main.gp_patients

select * from system.main.duckdb_tables

select * from secret at (version => 1)

select * from gp_patients at (version => 1)

select * from gp_patients at (timestamp => now())

select * from information_schema.tables

select * from information_schema.columns

select * from pg_catalog.pg_class

select main.getenv('HOME')

select system.main.getenv('HOME')

select system.main.sum(1)

select * from main.main.gp_patients

select * from memory.outside

select * from other.secret

select * from "scope"."material"."hidden"

select * from scope.gp_patients

select * from recurring.secret

with recursive r(n) as (select 1 union all select n + 1 from recurring.secret) select * from r

with x as (select 1) select * from scope.x

select main.spy()

select scope.main.spy()

select scope.main.upper(sex) from gp_patients

select pg_catalog.upper(sex) from gp_patients

select pg_catalog.pg_get_viewdef(1)

select material.upper(sex) from gp_patients

select system.upper(sex) from gp_patients

select memory.main.upper(sex) from gp_patients

select * from main.spill()

select * from system.main.range(3)

select * from main.range(3)

select * from pg_catalog.generate_series(1, 3)

select * from "information_schema"."tables"

select * from system.information_schema.columns

select * from scope.information_schema.tables

select * from pg_catalog.pg_attribute

select * from pg_catalog.pg_settings

select cast(1 as main.integer)

select cast(1 as pg_catalog.int4)

select * from gp_patients at (timestamp => current_timestamp)

select * from gp_patients, lateral (select * from material.hidden) h

select 1::main.mytype

select 1::scope.main.colour

select 'x'::material.hidden

-- refused: gate.file (files as tables)

select * from 'passwd.csv'

select * from '/etc/passwd'

select * from "/etc/passwd"

select * from 's3://bucket/x.parquet'

select * from 'https://example.org/x.csv'

select * from "data.parquet"

with "a.csv" as (select 1) select * from "a.csv"

select * from (with "b.csv" as (select 1) select 1), "b.csv"

select * from '/tmp/*.parquet'

select * from './secret.csv'

select * from "secret.csv"

select * from 'secret.csv' as gp_patients

select * from main."secret.csv"

select * from 'file:///etc/passwd'

select * from 'data.json.gz'

with "secret.csv" as (select 1) select * from "secret.csv"

with "/etc/passwd" as (select 1) select * from "/etc/passwd"

with "b*" as (select 1) select * from "b*"

-- refused: gate.function (functions that read files, settings, the catalogue, the session; that wait, write, run text; unreviewed ones)

select * from read_csv('/etc/passwd')

select * from read_csv_auto('/etc/passwd')

select * from read_text('/etc/passwd')

select * from read_blob('/etc/passwd')

select * from read_json('/etc/passwd')

select * from read_json_auto('/etc/passwd')

select * from read_json_objects('/etc/passwd')

select * from read_ndjson('/etc/passwd')

select * from read_ndjson_objects('/etc/passwd')

select * from read_parquet('/etc/passwd')

select * from parquet_scan('/etc/passwd')

select * from parquet_metadata('/etc/passwd')

select * from parquet_schema('/etc/passwd')

select * from parquet_file_metadata('/etc/passwd')

select * from parquet_kv_metadata('/etc/passwd')

select * from parquet_bloom_probe('/etc/passwd', 'a', 1)

select * from read_duckdb('/tmp/x.duckdb')

select * from sniff_csv('/etc/passwd')

select * from glob('/**')

select * from glob('*')

select * from duckdb_tables()

select * from duckdb_columns()

select * from duckdb_databases()

select * from duckdb_settings()

select * from duckdb_secrets()

select * from duckdb_functions()

select * from duckdb_views()

select * from duckdb_schemas()

select * from duckdb_logs()

select * from duckdb_memory()

select * from duckdb_temporary_files()

select * from duckdb_variables()

select * from duckdb_extensions()

select * from duckdb_prepared_statements()

select * from duckdb_external_file_cache()

select * from duckdb_constraints()

select * from duckdb_dependencies()

select * from duckdb_table_sample('secret')

select * from pragma_table_info('secret')

select * from pragma_storage_info('secret')

select * from pragma_show('secret')

select * from pragma_metadata_info()

select * from pragma_database_size()

select * from pragma_version()

select * from pragma_platform()

select * from pragma_user_agent()

select * from query('select * from secret')

select * from query_table('secret')

select * from query_table(['secret', 'gp_patients'])

select * from json_execute_serialized_sql(json_serialize_sql('select * from secret'))

select json_serialize_sql('select 1')

select json_deserialize_sql('{}')

select json_serialize_plan('select 1')

select * from seq_scan('secret')

select * from arrow_scan(1, 2, 3)

select * from pandas_scan(1)

select * from python_map_function(1)

select * from summary(gp_patients)

select * from test_all_types()

select * from repeat(1, 10)

select * from repeat_row(1, num_rows = 10)

select * from checkpoint()

select * from force_checkpoint()

select * from enable_logging()

select * from truncate_duckdb_logs()

select * from enable_profiling()

select * from which_secret('a', 'b')

select * from pg_timezone_names()

select getenv('HOME')

select current_setting('memory_limit')

select current_setting('temp_directory')

select current_query()

select current_database()

select current_schema()

select current_schemas(true)

select current_user

select session_user

select user

select current_role

select version()

select txid_current()

select current_connection_id()

select current_transaction_id()

select current_query_id()

select in_search_path('a', 'b')

select inet_server_addr()

select pg_postmaster_start_time()

select pg_get_viewdef(1)

select pg_sleep(1)

select sleep_ms(1000)

select error(nhs_number) from gp_patients

select case when sex = 'F' then error('yes') end from gp_patients

select assert_true(false)

select stats(sex) from gp_patients

select nextval('s')

select currval('s')

select setval('s', 1)

select setseed(0.5)

select getvariable('x')

select write_log('x')

select parse_duckdb_log_message('a', 'b')

select vector_type(sex) from gp_patients

select add_parquet_key('a', 'b')

select constant_or_null(1, 2)

select create_sort_key('a', 'asc')

select index_key('secret', 'i', 1)

select read_text('/etc/passwd')

select * from gp_patients where sex = (select column_name from duckdb_columns() limit 1)

select apply([1], lambda x: getenv('HOME'))

select list_transform(['HOME'], lambda v: getenv(v))

select columns(lambda c: getenv(c) is null) from gp_patients

select list_aggregate([1, 2], 'stats')

select list_aggregate([1, 2], 'nosuch')

select list_aggregate([1, 2], $name)

select list_aggregate([1, 2], 'su' || 'm')

select aggregate([1, 2], sex) from gp_patients

select array_aggr([1, 2], 'combine')

select [1, 2].list_aggregate('sum_no_overflow')

select list_aggregate([1, 2])

select sleep_ms(1) over () from gp_patients

select getenv('HOME') filter (where true)

select sum(getenv('HOME')::integer) from gp_patients

select upper(sex) over () from gp_patients

select spy()

select 'HOME'.getenv()

select sex.error() from gp_patients

select gp_patients.sex.error() from gp_patients

select * from spill()

select * from upper('a')

select * from count(*)

select * from histogram_values(gp_patients, sex)

select * from json_each('{"a": 1}')

select * from json_tree('{"a": 1}')

select * from duckdb_optimizers()

select * from duckdb_sequences()

select * from duckdb_types()

select * from duckdb_indexes()

select * from duckdb_keywords()

select * from duckdb_log_contexts()

select * from duckdb_eviction_queues()

select * from duckdb_profiling_settings()

select * from pragma_collations()

select * from icu_calendar_names()

select * from postgres_scan('host=x', 'public', 't')

select * from sqlite_scan('/tmp/x.db', 't')

select * from mysql_query('x', 'select 1')

select * from iceberg_scan('/tmp')

select * from delta_scan('/tmp')

select * from st_read('/tmp/x.shp')

select * from read_xlsx('/tmp/x.xlsx')

select * from read_csv(['/etc/passwd'])

select * from read_csv($file)

select * from read_csv(?)

select * from scan_arrow_ipc([])

select (select content from read_text('/etc/passwd'))

select * from gp_patients where sex in (select content from read_text('/etc/passwd'))

select list_transform(['/etc/passwd'], lambda f: (select content from read_text(f)))

select current_catalog

select "current_user"

select CURRENT_SCHEMA

select current_setting(sex) from gp_patients

select pg_typeof(sex) from gp_patients

select pg_table_is_visible(1)

select has_table_privilege('secret', 'select')

select obj_description(1)

select format_type(1, 2)

select get_block_size('scope')

select pg_size_pretty(1)

select enum_range(null::enum('a'))

select enum_first(sex) from gp_patients

select enum_code(sex) from gp_patients

select enum_range_boundary(null, sex) from gp_patients

select stats(e.value) from gp_events e

select icu_sort_key(sex, 'de') from gp_patients

select collate_nocase(sex) from gp_patients

select icu_collate_de(sex) from gp_patients

select __internal_compress_string_ubigint(sex) from gp_patients

select __between(1, 2, 3)

select __cast(1, 2)

select __internal_decompress_string(1)

select combine(sum(1), sum(1))

select finalize(sum(1)) from gp_patients

select sum(year_of_birth) export_state from gp_patients

select to_aggregate_state(1, 2)

select cast_to_type('1', null::integer)

select can_cast_implicitly('1', 1)

select make_type('varchar')

select get_type(1)

select remap_struct({'a': 1}, {'b': 1}, {'b': 'a'}, null)

select variant_extract(sex, 'a') from gp_patients

select union_tag(union_value(k := 1))

select st_geomfromwkb('x')

select uuid_generate_v1()

select nosuchfunction(1)

select load_extension('x')

select system('id')

select exec('id')

select dblink('x')

select lo_import('/etc/passwd')

select pg_read_file('/etc/passwd')

select xp_cmdshell('id')

select json_deserialize_sql(json_serialize_sql('select * from secret'))

select json_execute_serialized_sql('x')

select parse_sql('select 1')

select * from gp_patients order by getenv('HOME')

select * from gp_patients where error('x') is null

select if(sex = 'F', error(sex), 1) from gp_patients

select case when year_of_birth = 1948 then error('here') end from gp_patients

select * from range(sleep_ms(10))

select sleep_ms(100000) from range(100)

select from_substrait('x')

select * from python_map_function([1])

select * from arrow_scan_dumb(1, 2, 3)

select * from query_table(['gp_patients'])

select * from query('select 1')

select * from query_table('gp_patients')

select * from query_table(gp_patients)

select * from seq_scan(secret)

select * from summary(secret)

select * from which_secret('s3://x', 's3')

select nextval('numbers')

select currval('numbers')

select setval('numbers', 5)

select setseed(0.1), random()

select write_log('x', level := 'info')

select getvariable('memory_limit')

-- refused: gate.type (types that are not DuckDB's own plain ones)

select cast('secret' as regclass)

select 'secret'::regclass

select '{}'::variant

select 1::colour

select null::secret

select 'POINT(1 1)'::geometry

select {'a': 1}::struct(a colour)

select []::colour[]

select null::map(varchar, colour)

-- refused: gate.select_only (statements that are not a SELECT)

explain select * from gp_patients

explain analyze select * from gp_patients

pivot gp_patients on sex using count(*)

pivot (select * from secret) on sex using count(*)

select 1; drop table gp_patients

select * from gp_patients; attach '/tmp/x.db'

attach '/tmp/x.db' as x

attach 'scope.duckdb' (encryption_key 'k')

detach scope

use memory

copy gp_patients to '/tmp/out.csv'

copy (select * from gp_patients) to '/dev/stdout'

copy gp_patients from '/etc/passwd'

copy from database scope to memory

export database '/tmp/x'

import database '/tmp/x'

create table t as select 1

create temp table t as select * from gp_patients

create view v as select * from gp_patients

create macro m() as table select * from secret

create function f(x) as x + 1

create secret (type s3, key_id 'a', secret 'b')

create sequence s

create type t as enum ('a')

insert into gp_patients values (1)

update gp_patients set sex = 'F'

delete from gp_patients

truncate gp_patients

merge into gp_patients using deaths on true when matched then delete

drop table gp_patients

alter table gp_patients add column x integer

set memory_limit = '1TB'

set global enable_external_access = true

set variable x = 1

reset enable_external_access

pragma table_info('secret')

pragma database_list

pragma show_tables

pragma enable_profiling

call pragma_version()

call duckdb_tables()

load httpfs

install httpfs

force install httpfs from 'http://example.org'

update extensions

begin

commit

rollback

checkpoint

force checkpoint

vacuum

analyze

prepare p as select * from secret

execute p

deallocate p

comment on table gp_patients is 'x'

with x as (insert into gp_patients values (1) returning *) select * from x

with x as (delete from gp_patients returning *) select * from x

with x as (update gp_patients set sex = 'F' returning *) select * from x

with x as (copy gp_patients to '/tmp/x' ) select 1

with x as (pivot gp_patients on sex using count(*)) select * from x

pivot gp_patients on sex in (select sex from secret) using count(*)

select * from (pivot gp_patients on sex)

explain analyze select * from secret

explain (format json) select 1

insert into gp_patients select * from gp_patients

insert or replace into gp_patients select * from gp_patients

create or replace view gp_patients as select * from secret

create or replace temp macro upper(x) as (select nhs_number from secret)

create temp view gp_patients as from secret

create index i on gp_patients (sex)

create schema x

create table x (a integer)

create persistent secret s (type s3)

drop view gp_patients

alter view gp_patients rename to x

alter table gp_patients rename to x

set temp_directory = '/tmp'

set enable_external_access = true

set lock_configuration = false

set session threads = 64

set search_path = 'material'

set schema = 'material'

set python_enable_replacements = true

set allow_persistent_secrets = true

set custom_extension_repository = 'http://example.org'

set secret_directory = '/tmp'

reset search_path

reset variable x

use material

use scope.material

pragma version

pragma database_size

pragma memory_limit = '1TB'

pragma threads = 64

pragma enable_profiling = 'json'

pragma profiling_output = '/tmp/x'

pragma storage_info('secret')

pragma user_agent

pragma import_database('/tmp')

call pragma_storage_info('secret')

call enable_logging()

call force_checkpoint()

call read_csv('/etc/passwd')

call query('from secret')

attach 'host=example.org' as pg (type postgres)

attach if not exists '/tmp/x.duckdb'

attach or replace ':memory:' as scope

detach memory

copy (from secret) to '/tmp/x.parquet' (format parquet)

copy secret to 's3://bucket/x'

copy (select 1) to 'x' (format csv, header)

export database '/tmp/x' (format parquet)

load '/tmp/evil.duckdb_extension'

load parquet

install spatial from community

update extensions (httpfs)

prepare p as select 1

execute p(1)

begin transaction

start transaction

abort

vacuum analyze

checkpoint scope

comment on column gp_patients.sex is 'x'

-- refused: gate.describe (DESCRIBE, SHOW, SUMMARIZE)

describe gp_patients

describe select * from gp_patients

summarize gp_patients

summarize select * from gp_patients

show tables

show all tables

show databases

select * from (describe gp_patients)

select * from (summarize gp_patients)

select * from (show tables)

from (describe secret) select *

describe secret

describe table gp_patients

show gp_patients

show tables from scope

show schemas

show settings

summarize secret

from (summarize secret)

select * from (describe select * from secret)

select * from (show all tables)

-- refused: gate.pivot (PIVOT over a type)

select * from gp_patients pivot (count(*) for sex in some_enum)

pivot gp_patients on sex in colour using count(*)

-- refused: gate.one_statement (none, or several)

select 1; select 2

/* only a comment */

select 1;select 1

select 1;;select 1

select 1; select * from secret; select 2

;;;

-- nothing

/* nothing */

-- refused: gate.not_understood (no SQL)

select 'a

select * from

selec 1

not sql at all

select * from gp_patients using sample (select 1 from secret)

with x as (merge into gp_patients using deaths on true when matched then delete returning *) select * from x

select * into t from gp_patients

select * from gp_patients for update

SELECT * FROM SeCrEt
	select
 *
	from
	"secret"

create trigger t after insert on gp_patients for each row select 1

deallocate all

kill 1

grant select on secret to public

select

select * from gp_patients where

select * from gp_patients where sex = 'F

select "unclosed from gp_patients

select (1

select 1)

select * frm gp_patients

grant

{}

<script>alert(1)</script>

from

with

1

'a'

select * from gp_patients where sex like 'F' escape

-- refused: gate.collation (collations)

select sex collate "x; drop" from gp_patients

-- refused: gate.unknown_construct (what no SELECT needs)

select default

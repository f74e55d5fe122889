"""Several databases: SELECT, SWAPDB, FLUSHDB, FLUSHALL, DBSIZE."""
SCRIPTS = r"""
# select
SELECT 1
SET k v
DBSIZE
SELECT 0
GET k
SELECT 15
SELECT 16
SELECT -1
SELECT {NUM}
SELECT
SELECT 1 2
SELECT 1
GET k

# dbsize
DBSIZE
DBSIZE x
SET a 1
SET b 1 PX 20
DBSIZE
DEL a
DBSIZE

# swapdb
SET k zero
SELECT 1
SET k one
SET only 1 EX 100
SWAPDB 0 1
GET k
EXISTS only
SELECT 0
GET k
~1 TTL only
SWAPDB 0 0
GET k
SWAPDB 1 0
GET k
SWAPDB 0 15
DBSIZE
SWAPDB 0 16
SWAPDB 16 0
SWAPDB -1 0
SWAPDB 0 -1
SWAPDB abc 0
SWAPDB 0 abc
SWAPDB {NUM} 0
SWAPDB 0 {NUM}
SWAPDB
SWAPDB 0
SWAPDB 0 1 2

# swapdb is seen by other connections
SET k zero
b: SELECT 1
b: GET k
SWAPDB 0 1
b: GET k
GET k
b: SET k2 v
SWAPDB 1 0
EXISTS k2
b: EXISTS k2

# flush
MSET a 1 b 2
SELECT 1
SET c 3
FLUSHDB
DBSIZE
SELECT 0
DBSIZE
FLUSHDB {SYNC|ASYNC|sync|BAD|""|NO}
FLUSHALL {SYNC|ASYNC|async|BAD|""|NO}
FLUSHDB SYNC ASYNC
FLUSHALL SYNC ASYNC
FLUSHALL ASYNC x
SET a 1
SELECT 3
SET a 1
FLUSHALL
DBSIZE
SELECT 0
DBSIZE

# flush configured lazy
. CONFIG SET lazyfree-lazy-user-flush yes lazyfree-lazy-user-del yes
MSET a 1 b 2
FLUSHDB
DBSIZE
MSET a 1 b 2
DEL a
FLUSHALL SYNC
DBSIZE
. CONFIG SET lazyfree-lazy-user-flush no lazyfree-lazy-user-del no
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_databases_config(start):
    server = start({"databases": "3"})
    with server.conn() as conn:
        assert conn.call("SELECT", "2").value == b"OK"
        assert conn.call("SELECT", "3").text == "ERR DB index is out of range"
        assert conn.call("CONFIG", "GET", "databases").pairs() == {b"databases": b"3"}


def test_lazy_flush_of_many_keys(pair):
    """FLUSHALL ASYNC of a large keyspace answers at once, and the keyspace is usable while it is freed."""
    with pair.ours.conn() as conn:
        conn.call("DEBUG", "POPULATE", "200000", "key", "100")
        assert conn.call("DBSIZE").value == 200000
        assert conn.call("FLUSHALL", "ASYNC").value == b"OK"
        assert conn.call("DBSIZE").value == 0
        conn.call("SET", "key:1", "new")
        assert conn.call("GET", "key:1").value == b"new"

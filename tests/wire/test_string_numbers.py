"""INCR, DECR and their relatives, at every extreme of what a number can be."""
SCRIPTS = r"""
# incr and decr
INCR n
INCR n
DECR n
DECR n
DECR n
GET n
INCRBY n 10
DECRBY n 5
INCRBY n -3
DECRBY n -3
GET n
OBJECT ENCODING n
SET t 1 EX 100
INCR t
TTL t
INCR
INCR n n
DECR
INCRBY
INCRBY n
INCRBY n 1 2
DECRBY n
DECRBY n 1 2
INCRBYFLOAT n
INCRBYFLOAT n 1 2

# incr of every text
before: SET n {0|5}
after: GET n
SET n {NUM}
clear:
before: DEL n
INCRBY n {NUM}
DECRBY n {NUM}

# every text as the old value
before: DEL n
after: GET n
SET n 0
clear:
SET n 0
INCR n
SET n -0
INCR n
SET n +1
INCR n
SET n 01
INCR n
SET n " 1"
INCR n
SET n "1 "
INCR n
SET n ""
INCR n
SET n 1e3
INCR n
SET n 1.0
INCR n
SET n abc
INCR n
SET n "1\x002"
INCR n
SET n 0x10
INCR n
SET n 9223372036854775808
INCR n
SET n -9223372036854775809
DECR n
SET n 99999999999999999999999999
INCRBY n 1
SET n -
INCR n
SET n "\n"
INCR n

# overflow
after: GET n
SET n 9223372036854775807
INCR n
INCRBY n 0
INCRBY n -1
DECR n
SET n 9223372036854775806
INCR n
INCR n
SET n -9223372036854775808
DECR n
DECRBY n 1
DECRBY n 0
INCR n
INCRBY n -1
INCRBY n -1
SET n 0
DECRBY n -9223372036854775808
DECRBY n -9223372036854775807
SET n -1
DECRBY n -9223372036854775808
INCRBY n -9223372036854775808
SET n 1
INCRBY n -9223372036854775808
INCRBY n 9223372036854775807
SET n 10
INCRBY n 9223372036854775807
INCRBY n -9223372036854775808
INCRBY n -9223372036854775808

# encodings of numbers
SET n 0
OBJECT ENCODING n
SET n 9999
OBJECT ENCODING n
SET n 10000
OBJECT ENCODING n
SET n 9223372036854775807
OBJECT ENCODING n
SET n -9223372036854775808
OBJECT ENCODING n
SET n 9223372036854775808
OBJECT ENCODING n
SET n 01
OBJECT ENCODING n
SET n +1
OBJECT ENCODING n
SET n -0
OBJECT ENCODING n
SET n 1.5
OBJECT ENCODING n
SET n ""
OBJECT ENCODING n
APPEND n 5
OBJECT ENCODING n
INCR n
OBJECT ENCODING n
SET n "12345678901234567890123456789012345678901234"
OBJECT ENCODING n
SET n "123456789012345678901234567890123456789012345"
OBJECT ENCODING n
SET n abc
OBJECT ENCODING n
INCRBYFLOAT f 1.5
OBJECT ENCODING f
INCRBYFLOAT f 1.5
OBJECT ENCODING f
GETSET n 77
OBJECT ENCODING n
SETRANGE n 0 8
OBJECT ENCODING n

# incrbyfloat results
before: DEL f
after: GET f
INCRBYFLOAT f {FLOAT}
before: SET f 3.0
INCRBYFLOAT f {FLOAT}
before: SET f 1.7e308
INCRBYFLOAT f 1.7e308
INCRBYFLOAT f -1.7e308
before: SET f 0.1
INCRBYFLOAT f {0.2|0.7|-0.1|1e-17|1e17|0.00000000000000001|123456789.123456789}
before: SET f 10.50
INCRBYFLOAT f {0.1|-5|5.0e3|0|-10.5}

# incrbyfloat on every old value
before: DEL f
SET f 5e3
INCRBYFLOAT f 2.0e2
SET f 0
INCRBYFLOAT f 0
SET f -0
INCRBYFLOAT f 0
SET f -0.0
INCRBYFLOAT f -0.0
SET f " 1"
INCRBYFLOAT f 1
clear:
SET f " 1"
INCRBYFLOAT f 1
SET f "1 "
INCRBYFLOAT f 1
SET f ""
INCRBYFLOAT f 1
SET f inf
INCRBYFLOAT f 1
SET f -inf
INCRBYFLOAT f inf
SET f nan
INCRBYFLOAT f 1
SET f 0x10
INCRBYFLOAT f 1
SET f 1e400
INCRBYFLOAT f 1
SET f 1e5000
INCRBYFLOAT f 1
SET f abc
INCRBYFLOAT f 1
SET f "1\x00"
INCRBYFLOAT f 1
SET f 9223372036854775807
INCRBYFLOAT f 1
SET f 9007199254740993
INCRBYFLOAT f 1
SET f 1e22
INCRBYFLOAT f 1
SET f 1e30
INCRBYFLOAT f 1
SET f 1e300
INCRBYFLOAT f 1
SET f 1
INCRBYFLOAT f 1e-20
SET f 1
INCRBYFLOAT f 1.23456789012345678901
SET t 1 EX 100
INCRBYFLOAT t 1.5
TTL t
SET f 3
INCRBYFLOAT f 1.1
INCR f
SET f 1.5
INCRBYFLOAT f 1.5
INCR f
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_incrbyfloat_many(pair):
    """A few thousand sums, long texts included: the text is exact."""
    import random
    rng = random.Random(7)
    ours, oracle = pair.both()
    for i in range(1500):
        shape = rng.randrange(4)
        if shape == 0:
            text = "%.*f" % (rng.randrange(20), rng.uniform(-1000, 1000))
        elif shape == 1:
            text = "%de%d" % (rng.randrange(-999, 999), rng.randrange(-25, 25))
        elif shape == 2:
            text = repr(rng.uniform(-1, 1) * 10 ** rng.randrange(-10, 20))
        else:
            text = str(rng.randrange(-10**18, 10**18))
        key = "f%d" % rng.randrange(10)
        commands = [("INCRBYFLOAT", key, text)] + ([("SET", key, text)] if rng.random() < 0.3 else [])
        for command in commands:
            assert ours.call(*command) == oracle.call(*command), (i, command)
    ours.close()
    oracle.close()

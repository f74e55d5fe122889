"""Geospatial indexes: positions, distances and searches, by scripts and by seeded random places, against the oracle."""
import math
import os
import random

import pytest

from resp import Reply

SCRIPTS = r"""
# geoadd
before: DEL g
before: GEOADD g 13.361389 38.115556 Palermo
after: ZRANGE g 0 -1 WITHSCORES
GEOADD g {|NX|XX|CH|NX CH|CH XX|nx nx|XX CH XX} 15.087269 37.502669 {Palermo|Catania}
GEOADD g {|NX|XX|CH} 13.361389 38.115556 Palermo 15 37 Catania 16 38 Catania
GEOADD g NX XX 1 1 a
GEOADD g XX NX x 1 a
GEOADD g {foo|GT|INCR|""} 1 1 a
GEOADD g NX 1 1
GEOADD g 1 1 a 2
GEOADD g 1 1 a 2 2
GEOADD g NX CH XX
GEOADD g {180.00001|-181|inf|-inf|1e300} 1 a
GEOADD g 1 {85.06|-86|inf|90} a
GEOADD g 1 1 a 1 86 b
GEOADD g 1 1 a x 1 b
GEOADD g {FLOAT} 1 a
GEOADD g 1 {FLOAT} a
GEOADD g {0|180|-180} {0|85.05112878|-85.05112878} edge
GEOADD g 1 1 ""
GEOADD g 1 1 17 2 2 +17

# geoadd to a missing key
before: DEL g
after: ZRANGE g 0 -1 WITHSCORES
after: EXISTS g
GEOADD g XX 1 1 a
GEOADD g XX CH 1 1 a 2 2 b
GEOADD g 181 1 a
GEOADD g NX 1 1 a 1 1 b 2 2 a
GEOADD g CH 1 1 a 1 1 b 2 2 a

# geo wrong type
SET str v
GEOADD str 1 1 a
GEOADD str 181 1 a
GEOADD str NX XX 1 1 a
{GEOHASH|GEOPOS} str a
GEODIST str a b
GEODIST str a b foo
GEORADIUS str 1 1 1 km
GEORADIUS str 181 1 -1 foo foo
GEORADIUS_RO str 1 1 1 km
GEORADIUSBYMEMBER str a 1 km
GEORADIUSBYMEMBER_RO str a 1 foo
GEOSEARCH str FROMLONLAT 1 1 BYRADIUS 1 km
GEOSEARCH str FROMMEMBER a BYBOX 1 1 foo
GEOSEARCHSTORE d str FROMLONLAT 1 1 BYRADIUS 1 km
GEORADIUS str 1 1 1 km STORE d

# geo number of arguments
GEOADD g
GEOADD g 1 1
GEODIST g a
GEODIST g a b m m
GEOHASH
GEOPOS
GEORADIUS g 1 1 1
GEORADIUSBYMEMBER g a 1
GEOSEARCH g FROMLONLAT 1 1 ASC
GEOSEARCHSTORE d g FROMLONLAT 1 1 ASC

# geohash geopos geodist
GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania -5.6 42.6 test 17 17 17
GEOHASH g Palermo Catania test nothing 17
GEOHASH g
GEOHASH missing a b
GEOHASH missing
GEOPOS g Palermo Catania nothing 17
GEOPOS g
GEOPOS missing a b
GEOPOS missing
GEODIST g {Palermo|Catania|nothing} {Palermo|test|other}
GEODIST g Palermo Catania {m|km|ft|mi|M|Km|FT|miles|""|k}
GEODIST g Palermo nothing {m|foo}
GEODIST missing a b
GEODIST missing a b foo
GEODIST g 17 17

# scores that are no places
ZADD g 123.5 fraction -1 negative 1e300 huge 4503599627370496 beyond 4503599627370495 last inf inf -inf minf 1e18 large
GEOPOS g fraction negative huge beyond last inf minf large
GEOHASH g fraction negative huge beyond last inf minf large
GEODIST g fraction {negative|huge|last}
GEOSEARCH g FROMMEMBER fraction BYRADIUS 10 m WITHHASH WITHDIST
ZREM g beyond
GEOSEARCH g FROMLONLAT 0 0 BYRADIUS 30000 km WITHHASH WITHDIST WITHCOORD ASC
% GEOSEARCH g FROMMEMBER last BYRADIUS 10 m

# geosearch arguments
GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km {|ASC|DESC|asc desc} {|WITHDIST|WITHHASH|WITHCOORD|withcoord withdist withhash} COUNT 2
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT {1|2|1000|9223372036854775807} {ASC|DESC}
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT {NUM} ASC
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ANY
GEOSEARCH g ANY FROMLONLAT 15 37 COUNT 1 BYRADIUS 100 km ASC
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 ANY ANY COUNT 2 ANY ASC
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS {FLOAT} km ASC
GEOSEARCH g FROMLONLAT 15 37 BYBOX {FLOAT} 400 km ASC
GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 {FLOAT} km ASC
GEOSEARCH g FROMLONLAT {FLOAT} 37 BYRADIUS 200 km ASC
GEOSEARCH g FROMLONLAT 15 {FLOAT} BYRADIUS 200 km ASC
GEOSEARCH g FROMLONLAT 15 37 BYBOX {-1|x} {-1|x} {km|foo}
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS {-1|x|1} {km|foo}
GEOSEARCH g FROMMEMBER {Palermo|nothing} {BYRADIUS 1 km|BYBOX 1 1 km|BYRADIUS -1 km|BYRADIUS 1 foo}
GEOSEARCH missing FROMMEMBER {Palermo|nothing} {BYRADIUS 1 km|BYBOX 1 1 km|BYRADIUS -1 km|BYRADIUS 1 foo}
GEOSEARCH missing FROMLONLAT {1|181|x} 1 BYRADIUS 1 km {|ASC|foo|ANY}
GEOSEARCH g FROMLONLAT 15 37 FROMMEMBER Palermo BYRADIUS 1 km
GEOSEARCH g FROMMEMBER Palermo FROMLONLAT 15 37 BYRADIUS 1 km
GEOSEARCH g FROMLONLAT 1 1 FROMLONLAT 15 37 BYRADIUS 100 km
GEOSEARCH g FROMMEMBER Palermo FROMMEMBER Catania BYRADIUS 100 km
GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 km BYRADIUS 2 mi
GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 km BYBOX 2 2 mi
GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 km BYBOX 1 1 km
GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 km BYRADIUS 1 km
GEOSEARCH g FROMLONLAT 15 37 ASC DESC WITHDIST
GEOSearch g FROMLONLAT 15 37 ASC DESC ANY
GEOSEARCH g BYRADIUS 1 km ASC DESC
GEOSEARCH g BYRADIUS 1 km ASC foo
GEOSEARCH g ASC DESC WITHDIST WITHHASH WITHCOORD
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 km STORE d
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 1 km STOREDIST
GEOSEARCH g BYRADIUS 1 km FROMLONLAT 15
GEOSEARCH g BYRADIUS 1 km ASC FROMMEMBER
GEOSEARCH g FROMLONLAT 15 37 BYBOX 1 km
GEOSEARCH g FROMLONLAT 15 37 ASC BYRADIUS 1
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS {0|1|1e308|inf} km ASC
GEOSEARCH g FROMMEMBER Palermo BYBOX {0|1e308|inf} {0|1e308|inf} km ASC

# geosearchstore
before: DEL d g
before: GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 17 17 17
before: SET d v
after: TYPE d
after: ZRANGE d 0 -1 WITHSCORES
GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS {1|200|5000} {m|km|mi} {|STOREDIST|STOREDIST COUNT 1|COUNT 1 ASC|COUNT 1 DESC}
GEOSEARCHSTORE d g FROMMEMBER Palermo BYBOX 500 500 km {|STOREDIST|COUNT 1|COUNT 10 ANY}
GEOSEARCHSTORE g g FROMMEMBER Palermo BYBOX 500 500 km STOREDIST
GEOSEARCHSTORE d missing FROMLONLAT 15 37 BYRADIUS 1 km
GEOSEARCHSTORE d missing FROMMEMBER x BYRADIUS 1 km
GEOSEARCHSTORE d g FROMMEMBER nothing BYRADIUS 1 km
GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 km {WITHDIST|WITHHASH|WITHCOORD}
GEOSEARCHSTORE d missing FROMLONLAT 15 37 BYRADIUS 1 km {WITHDIST ANY|ANY}
GEOSEARCHSTORE d g FROMLONLAT 15 37 ASC WITHDIST
GEOSEARCHSTORE d g FROMLONLAT 15 37 ASC ANY
GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 km STORE d
GEOSEARCHSTORE d d FROMLONLAT 15 37 BYRADIUS 1 km

# georadius
before: DEL d g
before: GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 17 17 17
after: ZRANGE d 0 -1 WITHSCORES
{GEORADIUS|GEORADIUS_RO} g 15 37 200 km {ASC|DESC} {|WITHDIST|WITHHASH|WITHCOORD|WITHDIST WITHHASH WITHCOORD}
{GEORADIUS|GEORADIUS_RO} g {15|181|x} 37 {200|-200|x} {km|foo} {ASC|foo|COUNT|COUNT 0|ANY|COUNT 1}
{GEORADIUS|GEORADIUS_RO} missing {15|181|x} 37 {200|-200|x} {km|foo} {ASC|foo|COUNT 1|ANY}
{GEORADIUS|GEORADIUS_RO} g 15 37 200 km {STORE d|STOREDIST d|STORE|STOREDIST}
GEORADIUS g 15 37 200 km STORE e STOREDIST d
GEORADIUS g 15 37 200 km STOREDIST e STORE d
GEORADIUS g 15 37 200 km STOREDIST d COUNT 1 {ASC|DESC}
GEORADIUS g 15 37 200 km STORE d {WITHDIST|WITHCOORD|WITHHASH|ANY}
GEORADIUS g 15 37 200 km FROMLONLAT 1 1
GEORADIUS g 15 37 200 km BYRADIUS 1 km
GEORADIUS missing 15 37 200 km STORE d
{GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO} g {Palermo|nothing} {200|-1|x} {km|foo} {ASC|DESC WITHDIST|foo|COUNT 1|COUNT 1 ANY ASC|ANY}
{GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO} missing {Palermo|nothing} {200|-1|x} {km|foo} {ASC|foo|COUNT 1|ANY}
{GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO} g Palermo 200 km {STORE d|STOREDIST d}
GEORADIUSBYMEMBER missing Palermo 200 km STORE d
GEORADIUSBYMEMBER missing Palermo 200 km STORE d WITHDIST

# searches around the date line and far away
GEOADD g 179.5 36 east -179.5 36 west 179.99 0 e -179.99 0 w 0 0 zero
GEOSEARCH g FROMLONLAT 179 37 BYBOX 400 400 km ASC
GEOSEARCH g FROMLONLAT -179 37 BYBOX 400 400 km ASC
GEOSEARCH g FROMLONLAT {179.95|-179.95|179.999} 0 BYRADIUS {1|10|100|8000} km ASC
GEOSEARCH g FROMLONLAT 0.5 0 BYRADIUS 50000 km DESC COUNT 2
GEOSEARCH g FROMMEMBER zero BYRADIUS 50000 km DESC COUNT 2 WITHDIST

# geo by polygon  [newer proto=2]
GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2 -> :4
GEOSEARCH s BYPOLYGON 5 12.41098696654226 38.05033923003755 15.107936245794182 38.00616649901906 18.148439288534455 38.63804787603499 17.80831874257693 39.50316813110968 12.458468633214036 38.57719533463012 ASC WITHDIST -> *[*[$'Palermo', $'166482.0159'], *[$'edge2', $'180861.7725']]
GEOSEARCH s ASC BYPOLYGON 3 13 38 14 38 13 39 -> *[$'Palermo']
GEOSEARCHSTORE d s BYPOLYGON 4 10 30 20 30 20 40 10 40 -> :4
GEOADD p 151.20932132005692 -33.877723137822436 Elizabeth 151.2119820713997 -33.87697539508043 Connaught 151.2119820713997 -33.87156123068408 StJames 151.2229523062706 -33.883973760201364 Oxford 151.22852593660355 -33.88116782387797 Goodhope 151.2224105000496 -33.87544442350019 Kings -> :6
GEOSEARCH p BYPOLYGON 5 151.2154285314146 -33.867438205607186 151.20024487595015 -33.88138572784347 151.2374118848648 -33.87601765283626 151.19695829592922 -33.87272872054441 151.2278336546125 -33.88345323146266 ASC -> *[$'Elizabeth', $'StJames', $'Kings']
GEOSEARCH s BYPOLYGON 2 1 1 2 2 ASC -> -'ERR GEOSEARCH BYPOLYGON must have at least 3 vertices'
GEOSEARCH s BYPOLYGON x 1 1 2 2 ASC -> -'ERR value is not an integer or out of range'
GEOSEARCH s BYPOLYGON 9223372036854775807 1 1 2 2 3 3 -> -'ERR syntax error'
GEOSEARCH s BYPOLYGON 3 1 1 2 2 3 ASC -> -'ERR value is not a valid float'
GEOSEARCH s BYPOLYGON 3 1 1 2 2 3 -> -'ERR syntax error'
GEOSEARCH s BYPOLYGON 3 1 1 2 2 3 90 -> -'ERR invalid longitude,latitude pair 3.000000,90.000000'
GEOSEARCH s FROMLONLAT 1 1 BYPOLYGON 3 1 1 2 2 3 3 -> -'ERR syntax error'
GEOSEARCH s BYPOLYGON 3 1 1 2 2 3 3 FROMMEMBER Palermo -> -'ERR syntax error'
GEOSEARCH s BYPOLYGON 3 1 1 2 2 3 3 BYRADIUS 1 km -> -'ERR syntax error'
GEOSEARCH missing BYPOLYGON 3 1 1 2 2 3 3 -> *[]
"""

def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))


class Places:
    """Members around a place, and queries around it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.lon, self.lat = self.rng.uniform(-180, 180), self.rng.uniform(-65, 65)
        self.spread = self.rng.choice((0.01, 0.5, 4, 90))
        self.members = []

    def at(self, factor=1.0):
        lon = self.lon + self.rng.uniform(-2, 2) * self.spread * factor
        lat = self.lat + self.rng.uniform(-1, 1) * self.spread * factor
        # The oracle may miss places nearer to the poles.
        return [repr((lon + 180) % 360 - 180), repr(max(-70.0, min(70.0, lat)))]

    def added(self, count):
        self.members = [self.rng.choice(("m%d", "%d")) % i for i in range(count)]
        return [word for name in self.members for word in [*self.at(), name]]

    def query(self):
        r = self.rng
        unit, metres = r.choice((("m", 1), ("km", 1000), ("ft", 0.3048), ("mi", 1609.34)))
        size = self.spread * 111000 * r.random() * r.random() * 2 / metres
        if self.spread > 45:
            size = min(size, 4.5e6 / metres)    # or the oracle may reach near to a pole, and miss what it should not
        start = ["FROMLONLAT", *self.at(1.1)] if r.random() < 0.5 else ["FROMMEMBER", r.choice(self.members)]
        if r.random() < 0.5:
            return [*start, "BYRADIUS", repr(size), unit]
        return [*start, "BYBOX", repr(size * r.uniform(0.2, 2)), repr(size * r.uniform(0.2, 2)), unit]


def hits(reply):
    """{member: (distance, score, longitude, latitude)}"""
    return {h.value[0].value: (h.value[1].value, h.value[2].value, float(h.value[3].value[0].value),
                               float(h.value[3].value[1].value)) for h in reply.value}


def near(a, b):
    return a[:2] == b[:2] and abs(a[2] - b[2]) < 1e-15 * 180 and abs(a[3] - b[3]) < 1e-15 * 180


@pytest.mark.parametrize("seed", range(8))
def test_random_searches(pair, proto, seed):
    places = Places(seed * 2 + proto)
    r = places.rng
    with pair.ours.conn(proto) as ours, pair.oracle.conn(proto) as oracle:
        def both(*words):
            return ours.call(*words), oracle.call(*words)

        both("DEL", "g", "d")
        mine, theirs = both("GEOADD", "g", *places.added(r.choice((3, 100, 128, 700, 2500))))
        assert mine == theirs
        for _ in range(OPS // 40):
            query = places.query()
            mine, theirs = both("GEOSEARCH", "g", *query, "WITHDIST", "WITHHASH", "WITHCOORD")
            mine, theirs = hits(mine), hits(theirs)
            assert mine.keys() == theirs.keys(), query
            assert all(near(mine[m], theirs[m]) for m in mine), query
            count = str(r.choice((1, 2, 10, 100)))
            mine, theirs = both("GEOSEARCH", "g", *query, "COUNT", count, r.choice(("ASC", "DESC")), "WITHDIST")
            assert [h.value[1] for h in mine.value] == [h.value[1] for h in theirs.value], query
            mine, theirs = both("GEOSEARCH", "g", *query, "COUNT", count, "ANY")
            assert len(mine.value) == len(theirs.value) == len(set(mine.value)), query
            mine, theirs = both("GEOSEARCHSTORE", "d", "g", *query, *r.choice(([], ["STOREDIST"])))
            assert mine == theirs
            mine, theirs = both("ZRANGE", "d", "0", "-1")
            assert mine == theirs, query


@pytest.mark.cairn_only
@pytest.mark.parametrize("seed", range(3))
def test_random_polygons(pair, seed):
    """Even-odd on the map of degrees; against the same in Python."""
    places = Places(100 + seed)
    places.lon = max(-100.0, min(100.0, places.lon))
    places.spread = min(places.spread, 4)
    with pair.ours.conn() as ours:
        ours.call("DEL", "g")
        ours.call("GEOADD", "g", *places.added(700))
        where = {m: [float(x.value) for x in ours.call("GEOPOS", "g", m).value[0].value] for m in places.members}
        for _ in range(OPS // 60):
            vertices = [tuple(map(float, places.at())) for _ in range(places.rng.randrange(3, 9))]
            inside = set()
            for m, (lon, lat) in where.items():
                crossed = 0
                for (x1, y1), (x2, y2) in zip(vertices, vertices[1:] + vertices[:1]):
                    if (y1 <= lat) != (y2 <= lat):
                        crossed += x1 + (lat - y1) / (y2 - y1) * (x2 - x1) > lon
                if crossed % 2:
                    inside.add(m.encode())
            words = [repr(x) for v in vertices for x in v]
            reply = ours.call("GEOSEARCH", "g", "BYPOLYGON", str(len(vertices)), *words)
            assert len(reply.value) == len(inside) and {m.value for m in reply.value} == inside


def distance(a, b):
    lon1, lat1, lon2, lat2 = map(math.radians, (*a, *b))
    u, v = math.sin((lat2 - lat1) / 2), math.sin((lon2 - lon1) / 2)
    return 2 * 6372797.560856 * math.asin(math.sqrt(u * u + math.cos(lat1) * math.cos(lat2) * v * v))


@pytest.mark.cairn_only
@pytest.mark.parametrize("center", [(0, 85), (179.9, -85), (-120, 80), (180, 0), (-180, 0)])
def test_nothing_is_missed_near_poles_and_date_line(pair, center):
    """Where the oracle's cells do not cover a circle, we still find everything."""
    r = random.Random(repr(center))
    with pair.ours.conn() as ours:
        ours.call("DEL", "g")
        words = []
        for i in range(1500):
            lon = (center[0] + r.uniform(-180, 180) * r.random() + 180) % 360 - 180
            words += [repr(lon), repr(max(-85.0, min(85.0, center[1] + r.uniform(-10, 10)))), "m%d" % i]
        ours.call("GEOADD", "g", *words)
        names = ["m%d" % i for i in range(1500)]
        where = [[float(x.value) for x in p.value] for p in ours.call("GEOPOS", "g", *names).value]
        for _ in range(20):
            radius = r.uniform(0, 2e6) * r.random()
            expected = {n.encode() for n, p in zip(names, where) if distance(center, p) <= radius}
            reply = ours.call("GEOSEARCH", "g", "FROMLONLAT", *map(repr, map(float, center)), "BYRADIUS", repr(radius), "m")
            assert len(reply.value) == len(expected) and {m.value for m in reply.value} == expected


@pytest.mark.cairn_only
def test_positions_are_doubles_in_resp3(pair):
    with pair.ours.conn(3) as ours:
        ours.call("GEOADD", "p", "13.361389", "38.115556", "Palermo")
        assert ours.call("GEOPOS", "p", "Palermo", "x") == Reply("*", [
            Reply("*", [Reply(",", b"13.361389338970184"), Reply(",", b"38.1155563954963")]), Reply("_", None)])
        ours.call("DEL", "p")

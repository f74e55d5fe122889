/* Geohashes: cutting, interleaving, and finding the way through a rectangle in the order of the scores.
 *
 * The order of interleaved numbers runs through the plane in Zs within Zs. Between two cells of a rectangle it may
 * leave the rectangle for long; geo_rect_next finds where it enters again (BIGMIN in Tropf and Herzog,
 * "Multidimensional range search in dynamically balanced trees", 1981). */
#include "value/geohash.h"

#include <math.h>

#define AXIS_CELLS ((double)(1u << GEO_AXIS_BITS))
#define LAT_BITS 0x5555555555555555u
#define LON_BITS 0xaaaaaaaaaaaaaaaau

double geo_radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

bool geo_point_valid(struct geo_point p)
{
    return p.lon >= -GEO_LON_MAX && p.lon <= GEO_LON_MAX && p.lat >= -GEO_LAT_MAX && p.lat <= GEO_LAT_MAX;
}

double geo_distance(struct geo_point a, struct geo_point b)
{
    double lat_a = geo_radians(a.lat), lat_b = geo_radians(b.lat);
    double v = sin((geo_radians(b.lon) - geo_radians(a.lon)) / 2);
    if (v == 0.0) return GEO_EARTH_RADIUS_M * fabs(lat_b - lat_a);
    double u = sin((lat_b - lat_a) / 2);
    return 2.0 * GEO_EARTH_RADIUS_M * asin(sqrt(u * u + cos(lat_a) * cos(lat_b) * v * v));
}

/* Bit i goes to bit 2i. */
static uint64_t spread(uint32_t bits)
{
    uint64_t v = bits;
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v << 2) & 0x3333333333333333u;
    return (v | v << 1) & LAT_BITS;
}

static uint32_t gather(uint64_t v)
{
    v &= LAT_BITS;
    v = (v | v >> 1) & 0x3333333333333333u;
    v = (v | v >> 2) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v >> 4) & 0x00ff00ff00ff00ffu;
    v = (v | v >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(v | v >> 16);
}

static uint64_t interleave(uint32_t x, uint32_t y)
{
    return spread(x) << 1 | spread(y);
}

static uint32_t cut(double degrees, double max)
{
    return (uint32_t)((degrees + max) / (max - -max) * AXIS_CELLS);
}

uint32_t geo_axis_cut(double degrees, double max)
{
    if (!(degrees > -max)) return 0;
    return degrees >= max ? 1u << GEO_AXIS_BITS : cut(degrees, max);
}

uint64_t geohash_encode(struct geo_point p)
{
    return interleave(cut(p.lon, GEO_LON_MAX), cut(p.lat, GEO_LAT_MAX));
}

/* As x86-64 turns doubles into unsigned integers, which is what is observed of scores that are no places. */
uint64_t geohash_of_score(double score)
{
    if (score >= 0x1p64) return 0;
    if (score >= 0) return (uint64_t)score;
    return score >= -0x1p63 ? (uint64_t)(int64_t)score : 1ull << 63;
}

static double middle(uint32_t cell, double max)
{
    double low = -max + (cell / AXIS_CELLS) * (max - -max);
    double high = -max + ((cell + 1.0) / AXIS_CELLS) * (max - -max);
    double at = (low + high) / 2;
    return at > max ? max : at < -max ? -max : at;
}

struct geo_point geohash_decode(uint64_t cell)
{
    return (struct geo_point){middle(gather(cell >> 1), GEO_LON_MAX), middle(gather(cell), GEO_LAT_MAX)};
}

void geohash_text(struct geo_point p, char out[GEOHASH_TEXT_LEN])
{
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = interleave(cut(p.lon, 180), cut(p.lat, 90));
    for (int i = 0; i < GEOHASH_TEXT_LEN - 1; i++) out[i] = letters[bits >> (2 * GEO_AXIS_BITS - 5 * (i + 1)) & 31];
    out[GEOHASH_TEXT_LEN - 1] = letters[0];
}

/* --- rectangles --- */

struct geo_rect geo_rect_of(uint32_t x_low, uint32_t x_high, uint32_t y_low, uint32_t y_high)
{
    return (struct geo_rect){interleave(x_low, y_low), interleave(x_high, y_high)};
}

static bool axis_has(struct geo_rect r, uint64_t cell, uint64_t axis)
{
    return (cell & axis) >= (r.low & axis) && (cell & axis) <= (r.high & axis);
}

bool geo_rect_has(struct geo_rect r, uint64_t cell)
{
    return axis_has(r, cell, LAT_BITS) && axis_has(r, cell, LON_BITS);
}

/* Goes down the bits in which the three numbers differ. There the rectangle lies in the half below, in the half above,
 * or in both, and so does the cell; `best` is the lowest corner of what lies above a half that is entered. */
bool geo_rect_next(struct geo_rect r, uint64_t cell, uint64_t *out)
{
    bool found = false;
    uint64_t below = ~(uint64_t)0, differ;
    while ((differ = ((cell ^ r.low) | (cell ^ r.high)) & below) != 0) {
        int at = 63 - __builtin_clzll(differ);
        uint64_t bit = 1ull << at;
        below = bit - 1;
        uint64_t axis_below = (at % 2 == 0 ? LAT_BITS : LON_BITS) & below;
        if (!(cell & bit)) {
            if (r.low & bit) { /* all of the rectangle is above */
                *out = r.low;
                return true;
            }
            /* It is on both sides: go on below, and remember where it begins above. */
            *out = (r.low | bit) & ~axis_below;
            found = true;
            r.high = (r.high & ~bit) | axis_below;
        } else {
            if (!(r.high & bit)) return found; /* all of it is below */
            r.low = (r.low | bit) & ~axis_below;
        }
    }
    *out = cell;
    return true;
}

// How many kernels a pool should have: the rule of Kubernetes' horizontal pod autoscaler, in its order (see
// pkg/controller/podautoscaler/replica_calculator.go).

#include <math.h>

#include "rows.h"

static const double tolerance = 0.1;

/// The kernels of a pool by what is known of them.
typedef struct census {
  double sum;       // of the field, of those that are ready and have it
  size_t ready;     // with the field
  size_t missing;   // ready, and without it
  size_t unready;   // starting, or not answering
} census;

static bool is_one_of(clua_bytes text, const char *const *names) {
  for (; *names; names++)
    if (same_bytes(text, (clua_bytes){(const uint8_t *)*names, strlen(*names)})) return true;
  return false;
}

static void count_kernel(const fleet *f, const record *values, int field, census *c) {
  static const char *const ready[] = {"idle", "busy", NULL};
  static const char *const gone[] = {"stopping", "exited", "failed", NULL};
  if (!record_is_string(values, f->eligible_field)) return;
  clua_bytes status = record_string(values, f->eligible_field);
  if (is_one_of(status, gone)) return;
  double number = value_number(record_bytes(values, field).start);
  if (!is_one_of(status, ready)) {
    c->unready++;
  } else if (isnan(number)) {
    c->missing++;
  } else {
    c->ready++;
    c->sum += number;
  }
}

/// - Parameter used: set to the average that decided.
static size_t desired(const census *c, double target, double *used) {
  size_t current = c->ready + c->missing + c->unready;
  if (!c->ready) return current;
  *used = c->sum / (double)c->ready;
  double ratio = *used / target;
  bool fills_unready = c->unready && ratio > 1;
  if (!fills_unready && !c->missing)
    return fabs(1 - ratio) <= tolerance ? current : (size_t)fmin(ceil(ratio * (double)c->ready), 1e9);
  double sum = c->sum;
  size_t count = c->ready + c->missing + (fills_unready ? c->unready : 0);
  if (ratio < 1) sum += target * (double)c->missing;  // what is not known is taken for fully used
  *used = sum / (double)count;
  double cautious = *used / target;
  if (fabs(1 - cautious) <= tolerance || (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1)) return current;
  size_t wanted = (size_t)fmin(ceil(cautious * (double)count), 1e9);
  return (cautious < 1 && wanted > current) || (cautious > 1 && wanted < current) ? current : wanted;
}

/// The name at index 2: a string, or the `name` of a pool.
static clua_bytes pool_name(lua_State *L) {
  size_t length;
  if (lua_type(L, 2) == LUA_TUSERDATA || lua_type(L, 2) == LUA_TTABLE) {
    lua_getfield(L, 2, "name");
    lua_replace(L, 2);
  }
  if (lua_type(L, 2) != LUA_TSTRING) luaL_argerror(L, 2, "a pool or its name expected");
  const char *name = lua_tolstring(L, 2, &length);
  return (clua_bytes){(const uint8_t *)name, length};
}

/// fleet:desired(pool, field, target) → how many kernels, and the average of the field that says so (nil if no kernel has
/// the field).
int fleet_desired(lua_State *L) {
  const set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  if (f->pool_field < 0) return luaL_error(L, "kernels have no pool");
  clua_bytes name = pool_name(L);
  int field = field_argument(L, f, 3);
  double target = luaL_checknumber(L, 4), used = NAN;
  if (!(target > 0) || isinf(target)) return luaL_argerror(L, 4, "a target above 0 expected");
  census c = {0};
  for (size_t i = 0; i < s->count; i++) {
    const record *values = &s->members[i]->values;
    if (!record_is_string(values, f->pool_field) || !same_bytes(record_string(values, f->pool_field), name)) continue;
    count_kernel(f, values, field, &c);
  }
  lua_pushinteger(L, (lua_Integer)desired(&c, target, &used));
  if (isnan(used)) lua_pushnil(L);
  else lua_pushnumber(L, used);
  return 2;
}

// math.random of a sandbox: seeded by the host alone, and cheap to seed again for each decision.

#include "internal.h"

static uint64_t rotate(uint64_t value, int count) { return value << count | value >> (64 - count); }

/// xoshiro256**, by David Blackman and Sebastiano Vigna (public domain).
static uint64_t next(uint64_t s[4]) {
  uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

void clua_seed(clua_vm *vm, uint64_t seed) {
  for (int i = 0; i < 4; i++) {  // splitmix64
    uint64_t z = seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    vm->random[i] = z ^ z >> 31;
  }
}

uint64_t clua_random_below(clua_vm *vm, uint64_t limit) {
  uint64_t mask = limit, value;
  for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
  do value = next(vm->random) & mask;
  while (value > limit);
  return value;
}

static int math_random(lua_State *L) {
  clua_vm *vm = vm_of(L);
  lua_Integer low = 1, high;
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, (double)(next(vm->random) >> 11) * 0x1p-53); return 1;
    case 1:
      high = luaL_checkinteger(L, 1);
      if (high == 0) {
        lua_pushinteger(L, (lua_Integer)next(vm->random));
        return 1;
      }
      break;
    case 2:
      low = luaL_checkinteger(L, 1);
      high = luaL_checkinteger(L, 2);
      break;
    default: return luaL_error(L, "wrong number of arguments");
  }
  luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
  lua_pushinteger(L, (lua_Integer)(clua_random_below(vm, (uint64_t)high - (uint64_t)low) + (uint64_t)low));
  return 1;
}

void clua_open_random(lua_State *L) {
  lua_pushcfunction(L, math_random);
  lua_setfield(L, -2, "random");
  lua_pushnil(L);
  lua_setfield(L, -2, "randomseed");
}

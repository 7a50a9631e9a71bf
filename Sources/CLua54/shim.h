// The system's Lua 5.4; its include path comes from pkg-config.
#pragma once
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

// C side of LuaRuntime.
#pragma once

// fleet-kernel: the Lua kernel that ships with Fleet.
import Glibc
import LuaKernel

exit(KernelProgram.main(Array(CommandLine.arguments.dropFirst())))

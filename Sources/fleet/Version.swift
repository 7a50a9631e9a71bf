// The version of all executables of this package.

let fleetVersion = "0.1.0"

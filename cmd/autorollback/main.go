// Command autorollback rolls back bad machine-learning model releases automatically, and
// proves that the service recovered. See README.md for what it does and never does.
package main

import (
	_ "time/tzdata" // schedules name timezones; a bare container has no zone files

	"github.com/autorollback/autorollback/cmd/program"
)

// version is set by the linker.
var version = "dev"

func main() { program.New(version).Main() }

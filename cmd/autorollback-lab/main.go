// Command autorollback-lab is what needs Prometheus' engine: the demo, game days in the
// embedded world, and what replays history. The daemon is the program autorollback.
package main

import (
	_ "time/tzdata" // schedules name timezones; a bare container has no zone files

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// version is set by the linker.
var version = "dev"

func labProgram() cli.Program {
	return cli.Program{
		Name: "autorollback-lab", Help: "A bad release in an embedded world, and what your own history says.", Version: version,
		Commands: []cli.Declare{demoCommand, gamedayCommands, backtestCommands},
	}
}

func main() { labProgram().Main() }

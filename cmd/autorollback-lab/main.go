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
		Groups: []cli.Group{
			{Title: "To see it work", Lines: [][2]string{{"demo", "A bad release from start to finish, with nothing to install"}}},
			{Title: "Drills and history", Lines: [][2]string{
				{"gameday", "Scored drills in an embedded world"},
				{"backtest", "What the triggers would have done in your history"},
				{"calibrate", "How often the rules fire on releases of nothing"},
			}},
		},
	}
}

func main() { labProgram().Main() }

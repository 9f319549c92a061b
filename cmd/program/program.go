// Package program is the daemon's command line as a function: every subcommand of
// autorollback, for its main and for the lab, whose stories run the same commands as a
// person does. It never decides anything; it calls the packages that do.
package program

import "github.com/autorollback/autorollback/cmd/internal/cli"

// New is the program autorollback.
func New(version string) cli.Program {
	return cli.Program{
		Name: "autorollback", Help: "Rolls back bad model releases and proves that the service recovered.", Version: version,
		Commands: []cli.Declare{
			serveCommand(version), runbookCommands, rulesCommands, rollbackCommand, releaseCommands, incidentCommands, whyCommand,
			approvalCommands, controlCommands, auditCommands, healthyCommand, doctorCommand, recoverCommand, shadowCommands, flagsCommands, gamedayCommands,
		},
		Elsewhere: map[string]string{"demo": "autorollback-lab", "backtest": "autorollback-lab", "calibrate": "autorollback-lab"},
	}
}

// Package program is the daemon's command line as a function: every subcommand of
// autorollback, for its main and for the lab, whose stories run the same commands as a
// person does. It never decides anything; it calls the packages that do.
package program

import (
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/cmd/program/authoring"
	"github.com/autorollback/autorollback/cmd/program/shadows"
	"github.com/autorollback/autorollback/cmd/program/trail"
)

// New is the program autorollback.
func New(version string) cli.Program {
	return cli.Program{
		Name: "autorollback", Help: "Rolls back bad model releases and proves that the service recovered.", Version: version,
		Commands: []cli.Declare{
			serveCommand(version), statusCommands, rollbackCommand, approvalCommands, releaseCommands, incidentCommands, whyCommand, observeCommand,
			authoring.RunbookCommands, authoring.RulesCommands, gamedayCommands, shadows.Commands, trail.AuditCommands,
			doctorCommand, healthyCommand, controlCommands, recoverCommand, flagsCommands,
		},
		Groups:    groups,
		Elsewhere: map[string]string{"demo": "autorollback-lab", "backtest": "autorollback-lab", "calibrate": "autorollback-lab"},
	}
}

// groups are the first screen of the help: who is called at night finds the first of them.
var groups = []cli.Group{
	{Title: "Every day", Lines: [][2]string{
		{"serve", "Run the daemon"},
		{"status", "What gets traffic, what is wrong, and who must answer"},
		{"watch", "The same, live"},
		{"rollback", "Move all traffic back to the stable version now"},
		{"approve, reject", "Answer a question that the daemon asks"},
		{"release", "Start a release, see it, promote, hold, resume, wait"},
		{"incident", "List and show incidents, check their evidence"},
		{"why, observe", "Why it rolled back, or not; what it would have done"},
	}},
	{Title: "Runbooks and rules", Lines: [][2]string{
		{"runbook", "Write, check and print runbooks"},
		{"rules", "Alert rules and the Alertmanager route, from runbooks"},
	}},
	{Title: "Drills and history", Lines: [][2]string{
		{"gameday", "Scored drills: break something on purpose"},
		{"shadow", "Compare a candidate with stable before it takes traffic"},
		{"audit", "Who ordered what, and whether the journal was altered"},
	}},
	{Title: "Operating", Lines: [][2]string{
		{"doctor, healthy", "Is everything wired? Can the daemon do its work?"},
		{"control", "The stop switch of the whole installation"},
		{"recover", "Put records right after the store went back in time"},
		{"flags", "Export bundles' flags to other flag systems"},
	}},
}

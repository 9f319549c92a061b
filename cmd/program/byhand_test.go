package program

import (
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// What a link that is over says to do by hand is a command that the program knows.
func TestByHandIsACommand(t *testing.T) {
	for _, kind := range []string{record.RollbackApproval, record.AcceptSplit, record.Promotion} {
		for _, region := range []string{"", "default", "eu"} {
			for _, line := range []string{report.ByHand(kind, "ranker", region), report.ResumeByHand("ranker", region)} {
				if all := commandsOf("`" + line + "`"); len(all) != 1 || parses(all[0]) != nil {
					t.Errorf("%s in %q: %s is no command", kind, region, line)
				}
			}
		}
	}
}

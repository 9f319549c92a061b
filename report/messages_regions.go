package report

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about several regions.
const (
	KindBrake = "brake"
)

// BrakeMsg says that promotion stops because several regions breach at once.
func BrakeMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	m := rampMessage(rel, KindBrake, fmt.Sprintf("-%d", rel.BrakedAt.Unix()), now,
		fmt.Sprintf("%s: promotion of %s stops in %s", rel.Service, word(rel.Candidate.Version), rel.Region),
		upper(sentence(rel.Frozen)), "What several regions have in common is more likely the cause than one region's release.",
		todo(fmt.Sprintf("look at the incidents; then autorollback release resume %s --region %s, or roll back: autorollback release rollback %s.", rel.Service, rel.Region, rel.Service)), owner(rb))
	m.Page = true
	return m
}

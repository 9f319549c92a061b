package report

import (
	"cmp"

	"github.com/autorollback/autorollback/record"
)

// missing says what the page cannot show because the incident's evidence is not here: another replica
// keeps the folder, or it was lost. Empty: nothing is missing that should be here.
func missing(inc record.Incident, o Options) string {
	if len(o.Evidence) > 0 || inc.EvidenceDigest == "" {
		return ""
	}
	return "The evidence is not on " + cmp.Or(o.Replica, "the replica that made this page") + ", so the charts and what they were drawn from are missing here. " +
		"It was sealed as " + cmp.Or(inc.Evidence, "a folder without a name") + " on another replica, with the manifest " + inc.EvidenceDigest + "."
}

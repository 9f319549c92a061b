package report

import (
	"cmp"

	"github.com/autorollback/autorollback/record"
)

// missing says what the page cannot show: the incident's evidence is on another replica or was lost, or
// there are no curves. Empty: nothing is missing that should be here.
func missing(inc record.Incident, o Options) string {
	why := endSentence(o.CurvesProblem)
	if len(o.Evidence) > 0 || inc.EvidenceDigest == "" {
		if why == "" {
			return ""
		}
		return "Charts are missing or incomplete: " + why
	}
	if a := inc.Archived; inc.InArchive() {
		where := "The evidence is in the archive: " + a.Where + ", with the manifest " + a.Digest + "."
		if why != "" || len(o.Curves) == 0 {
			where += " Charts are missing or incomplete here."
		}
		return where
	}
	where := "The evidence is not on " + cmp.Or(o.Replica, "the replica that made this page") + ": it was sealed as " +
		cmp.Or(inc.Evidence, "a folder without a name") + " on another replica, with the manifest " + inc.EvidenceDigest + "."
	if why != "" {
		why = "So the charts are missing or incomplete: " + why
	} else if len(o.Curves) == 0 {
		why = "So the charts are missing."
	} else {
		why = "The charts were counted anew from Prometheus' history."
	}
	return where + " " + why
}

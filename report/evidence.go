package report

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// evidenceFacts say what was kept of an incident, and where.
func evidenceFacts(inc record.Incident, rb *runbook.Runbook, o Options) []fact {
	var f []fact
	f = add(f, "Folder", inc.Evidence)
	f = add(f, "Manifest", inc.EvidenceDigest)
	switch {
	case len(inc.EvidenceLacks) > 0:
		f = add(f, "Evidence incomplete", strings.Join(inc.EvidenceLacks, "; ")+tryingAgain(inc))
	case !inc.EvidenceAt.IsZero():
		f = add(f, "Complete", clock(inc.EvidenceAt))
	}
	for _, s := range o.Evidence {
		f = add(f, upper(s.Name), fmt.Sprintf("%d files, %s", s.Files, s.Digest))
	}
	if len(f) == 0 {
		f = add(f, "Folder", "not sealed yet, and nothing is captured on this replica")
	}
	switch a := inc.Archived; {
	case inc.InArchive():
		f = add(f, "Archived", fmt.Sprintf("%s, in %s: %s read back", clock(a.At), a.Where, plural(a.Files, "file", "files")))
	case inc.Sealed():
		f = add(f, "Archived", "not yet: it is on the daemon's disk alone")
	}
	for _, h := range inc.Holds {
		f = add(f, "Held image", h.Role+": "+h.Tag)
	}
	f = add(f, "Archive", rb.Evidence.Archive)
	return add(f, "Note", "tamper-evident, not tamper-proof: compare the digests with the journal's")
}

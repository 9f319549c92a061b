package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An Archive is a [audit.Folder] that makes the incident's pages itself when it is sealed.
type Archive struct {
	Folder     audit.Folder
	External   string // the daemon's own address, for links; may be empty
	Prometheus string // as a browser reaches it; may be empty
	// Approval finds the incident's newest approval, for the page; it may be nil, and
	// an error only leaves the approval out.
	Approval func(id string) (record.Approval, error)
}

// Capture keeps the parts of one stage; see [audit.Folder.Capture].
func (a Archive) Capture(inc record.Incident, stage string, parts map[string][]byte) (digest string, err error) {
	_, digest, err = a.Folder.Capture(inc, stage, parts)
	return digest, err
}

// ImpactName is the file of an incident's impact in its folder, if anything is known of it.
const ImpactName = "impact.json"

// Seal writes incident.md, incident.html, the impact and the manifest over everything, and
// returns the folder's path and the manifest's digest. rb may be nil.
func (a Archive) Seal(inc record.Incident, rb *runbook.Runbook) (path, digest string, err error) {
	o, err := a.options(inc)
	if err != nil {
		return "", "", err
	}
	var keep runbook.Duration
	if rb != nil {
		keep = rb.Evidence.Keep
	}
	files := map[string][]byte{"incident.md": Markdown(inc, rb, o), "incident.html": HTML(inc, rb, o)}
	if inc.Impact != nil {
		if files[ImpactName], err = json.MarshalIndent(inc.Impact, "", "  "); err != nil {
			return "", "", fmt.Errorf("encode impact of %s: %w", inc.ID, err)
		}
	}
	return a.Folder.Seal(inc, keep, files)
}

// Read returns a part that was captured; see [audit.Folder.Read].
func (a Archive) Read(inc record.Incident, part string) ([]byte, error) {
	return a.Folder.Read(inc, part)
}

// options take the moment from the incident, not from the clock, so that two
// replicas seal the same pages.
func (a Archive) options(inc record.Incident) (Options, error) {
	stages, err := a.Folder.Stages(inc)
	if err != nil {
		return Options{}, err
	}
	o := Options{External: a.External, Prometheus: a.Prometheus, Evidence: stages, Now: lastMoment(inc)}
	if o.Curves, err = a.curves(inc); err != nil {
		return Options{}, err
	}
	if o.Gathered, err = GatheredOf(a.Folder, inc); err != nil {
		return Options{}, err
	}
	if a.Approval != nil && inc.Approval != "" {
		if found, err := a.Approval(inc.Approval); err == nil {
			o.Approval = &found
		}
	}
	return o, nil
}

// curves are those that were captured; none where a stage was captured without them.
func (a Archive) curves(inc record.Incident) (curves []record.Curve, err error) {
	text, err := a.Folder.Read(inc, record.CurvesName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return inc.Levels, nil
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(text, &curves); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", record.CurvesName, inc.ID, err)
	}
	return curves, nil
}

func lastMoment(inc record.Incident) time.Time {
	last := inc.OpenedAt
	for _, r := range inc.Timeline {
		if r.At.After(last) {
			last = r.At
		}
	}
	return last
}

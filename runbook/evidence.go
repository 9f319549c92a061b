package runbook

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/secret"
)

// Evidence says what is kept of an incident beyond the fixed set, and how long.
type Evidence struct {
	Keep    Duration `yaml:"keep" json:"keep"`                           // written into the manifest; nothing is deleted; default 90d
	Archive string   `yaml:"archive" json:"archive"`                     // where the folder is copied by the team; required to tick the self-check
	Queries []string `yaml:"queries" json:"queries"`                     // extra PromQL captured before and after
	Samples *Samples `yaml:"samples,omitempty" json:"samples,omitempty"` // left out: no requests are kept
	Logs    *Logs    `yaml:"logs,omitempty" json:"logs,omitempty"`       // left out: no lines of logs are kept
	// Within is how long samples and logs are asked for again where a source fails, at most 10m;
	// the folder is sealed with what came by then. Default 2m.
	Within Duration `yaml:"within" json:"within"`
}

// Samples says where recorded requests and their answers come from, and what is kept of them: the
// harmful ones first, which are slow, failed or flagged, and a few good ones of stable beside them.
type Samples struct {
	Sources []EvidenceSource `yaml:"sources" json:"sources"` // at least one, and 8 with those of the logs at most
	// Fields are the only ones of a record that are kept; [*] is every element, * any key, ** any number of keys,
	// and a field keeps what is under it. The query of a path is kept with request.query.
	Fields  []string `yaml:"fields" json:"fields"`
	Harmful int      `yaml:"harmful" json:"harmful"` // how many harmful ones of each source are kept, at most 100; default 20
	Good    int      `yaml:"good" json:"good"`       // how many good ones of stable, at most 100; default 5
	// Slow is the latency from which on a request is harmful; left out: the one that 99 % of stable's
	// requests stay below.
	Slow Duration `yaml:"slow,omitempty" json:"slow,omitempty"`
}

// Logs says where lines of logs come from, and what is kept of them: those of errors first.
type Logs struct {
	Sources []EvidenceSource `yaml:"sources" json:"sources"` // at least one, and 8 with those of the samples at most
	// Fields are the only ones of a line in JSON that are kept, as those of samples; other lines are kept whole, without
	// what looks like a secret.
	Fields []string `yaml:"fields" json:"fields"`
	Lines  int      `yaml:"lines" json:"lines"` // how many of each source are kept, at most 1000; default 200
}

// An EvidenceSource is one place that is asked: dir, mirror, url, loki or command. In url, query and command
// {version}, {backend}, {service}, {region}, {from} and {to} are filled in; with {version} or {backend} it is
// asked for the candidate and then for the stable side.
type EvidenceSource struct {
	// Name is what pages and the folder call it: lower-case letters, digits and dashes; default its kind, or logs-
	// and its kind.
	Name      string   `yaml:"name" json:"name"`
	Dir       string   `yaml:"dir,omitempty" json:"dir,omitempty"`               // a folder that the daemon can read: recordings, or logs
	Mirror    string   `yaml:"mirror,omitempty" json:"mirror,omitempty"`         // the log of the router's mirror, a recording; a record without a version is the candidate's
	URL       string   `yaml:"url,omitempty" json:"url,omitempty"`               // an address of the service that answers GET with a recording, or with lines
	Loki      string   `yaml:"loki,omitempty" json:"loki,omitempty"`             // address of what has Loki's query_range; goes with query
	Query     string   `yaml:"query,omitempty" json:"query,omitempty"`           // LogQL that selects lines
	Tenant    string   `yaml:"tenant,omitempty" json:"tenant,omitempty"`         // sent with it as X-Scope-OrgID
	TokenFile string   `yaml:"token_file,omitempty" json:"token_file,omitempty"` // of a bearer token for url and loki, as the daemon sees the file; a relative path begins beside the runbook
	Command   []string `yaml:"command,omitempty" json:"command,omitempty"`       // a program and its arguments, run without a shell where the daemon's --evidence.allow-commands says so
	dir       string   // the runbook's
}

// MaxSources is how many places a runbook may name for samples and logs.
const MaxSources = 8

const (
	maxSamples = 100  // of each kind of each source
	maxLogs    = 1000 // lines of each source
)

// Kind is what the source is: dir, mirror, url, loki or command; empty if it is none or several.
func (s EvidenceSource) Kind() (kind string) {
	n := 0
	for name, set := range map[string]bool{"dir": s.Dir != "", "mirror": s.Mirror != "", "url": s.URL != "", "loki": s.Loki != "", "command": len(s.Command) > 0} {
		if set {
			kind, n = name, n+1
		}
	}
	if n != 1 {
		return ""
	}
	return kind
}

// Token reads the bearer token, at each call anew; empty where none is named.
func (s EvidenceSource) Token() (string, error) {
	return tokenOf(s.TokenFile, s.dir, "source "+s.Name)
}

// Sources are all of them: those of samples, and then those of logs.
func (e Evidence) Sources() (all []EvidenceSource) {
	if e.Samples != nil {
		all = append(all, e.Samples.Sources...)
	}
	if e.Logs != nil {
		all = append(all, e.Logs.Sources...)
	}
	return all
}

// Commands are the programs that the sources run.
func (e Evidence) Commands() (all []string) {
	for _, s := range e.Sources() {
		if len(s.Command) > 0 {
			all = append(all, s.Command[0])
		}
	}
	return all
}

var (
	defaultSampleFields = []string{"id", "ts", "version", "flag", "segment", "request.method", "request.path", "response.status", "response.latency_ms", "response.error"}
	defaultLogFields    = []string{"ts", "time", "timestamp", "level", "severity", "msg", "message", "error", "err", "logger", "caller", "id", "request_id",
		"trace_id", "version", "method", "status", "code", "latency_ms"}
)

func (e *Evidence) applyDefaults(p *decoder) {
	setDefault(p, "evidence.keep", &e.Keep, Duration(90*24*time.Hour))
	setDefault(p, "evidence.within", &e.Within, Duration(2*time.Minute))
	if s := e.Samples; s != nil {
		setDefault(p, "evidence.samples.fields", &s.Fields, defaultSampleFields)
		setDefault(p, "evidence.samples.harmful", &s.Harmful, 20)
		setDefault(p, "evidence.samples.good", &s.Good, 5)
		nameSources(s.Sources, "")
	}
	if l := e.Logs; l != nil {
		setDefault(p, "evidence.logs.fields", &l.Fields, defaultLogFields)
		setDefault(p, "evidence.logs.lines", &l.Lines, 200)
		nameSources(l.Sources, "logs-")
	}
}

func nameSources(all []EvidenceSource, prefix string) {
	for n := range all {
		if kind := all[n].Kind(); all[n].Name == "" && kind != "" {
			all[n].Name = prefix + kind
		}
	}
}

func (e *Evidence) check(p *decoder) {
	for i, q := range e.Queries {
		p.query(fmt.Sprintf("evidence.queries[%d]", i), q)
	}
	p.positive("evidence.within", e.Within)
	if e.Within > Duration(VerifyWithin) {
		p.add("evidence.within", fmt.Sprintf("%s is more than %s", e.Within, Duration(VerifyWithin)), "write "+Duration(VerifyWithin).String()+" or less: the incident stays open until then")
	}
	names := map[string]bool{}
	if s := e.Samples; s != nil {
		checkSources(p, "evidence.samples", s.Sources, s.Fields, names)
		p.within("evidence.samples.harmful", s.Harmful, maxSamples)
		p.within("evidence.samples.good", s.Good, maxSamples)
		if p.has("evidence.samples.slow") {
			p.positive("evidence.samples.slow", s.Slow)
		}
	}
	if l := e.Logs; l != nil {
		checkSources(p, "evidence.logs", l.Sources, l.Fields, names)
		p.within("evidence.logs.lines", l.Lines, maxLogs)
	}
	if n := len(e.Sources()); n > MaxSources {
		p.add("evidence", fmt.Sprintf("names %d sources", n), fmt.Sprintf("name at most %d", MaxSources))
	}
}

// within notes a number that is not among 0 … most.
func (p *decoder) within(path string, n, most int) {
	p.atLeast(path, n, 0)
	if n > most {
		p.add(path, fmt.Sprintf("%d is too much", n), fmt.Sprintf("write %d or less", most))
	}
}

func checkSources(p *decoder, at string, all []EvidenceSource, fields []string, names map[string]bool) {
	if len(all) == 0 {
		p.missing(at+".sources", "name a place, e.g. [{dir: /var/lib/ranker/recordings}]")
	}
	for n, f := range fields {
		if !fieldPath.MatchString(f) {
			p.add(fmt.Sprintf("%s.fields[%d]", at, n), quoted(f)+" names no field", "write e.g. request.path, or response.body.items[*].score")
		}
	}
	for n, s := range all {
		path := fmt.Sprintf("%s.sources[%d]", at, n)
		if s.Kind() == "" {
			p.add(path, "is not one place", "name one of dir, mirror, url, loki and command")
			continue
		}
		p.name(path+".name", s.Name)
		if names[s.Name] {
			p.add(path+".name", quoted(s.Name)+" is there twice", "give each source a name of its own: `name: …`")
		}
		names[s.Name] = true
		s.check(p, path)
	}
}

// fieldPath is the part of package shadow's paths that a runbook may use.
var fieldPath = regexp.MustCompile(`^[A-Za-z0-9_*-]+(\[\*\])*(\.[A-Za-z0-9_*-]+(\[\*\])*)*$`)

func (s EvidenceSource) check(p *decoder, at string) {
	for field, text := range map[string]string{"dir": s.Dir, "mirror": s.Mirror} {
		if text != "" && !filepath.IsAbs(text) {
			p.add(at+"."+field, quoted(text)+" is no whole path", "write it from / on, as the daemon sees it")
		}
	}
	checkAddress(p, at+".url", s.at("v1", "b1"))
	checkAddress(p, at+".loki", s.Loki)
	switch {
	case s.Loki != "" && s.Query == "":
		p.missing(at+".query", `write which lines, e.g. '{app="ranker"}'`)
	case s.Loki == "" && (s.Query != "" || s.Tenant != ""):
		p.add(at, "has query or tenant without loki", "write loki: ADDRESS")
	}
	if s.TokenFile != "" && s.Loki == "" && s.URL == "" {
		p.add(at+".token_file", "goes with url and loki", "leave it out")
	}
	if len(s.Command) > 0 && !filepath.IsAbs(s.Command[0]) {
		p.add(at+".command", quoted(s.Command[0])+" is no whole path", "name the program from / on; no shell looks for it")
	}
}

func (s EvidenceSource) at(version, backend string) string {
	return strings.NewReplacer("{version}", version, "{backend}", backend, "{service}", "s", "{region}", "r", "{from}", "1", "{to}", "2").Replace(s.URL)
}

func checkAddress(p *decoder, path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "":
		p.add(path, "is not an address", "write e.g. http://loki.internal:3100")
	case u.User != nil:
		p.add(path, "holds a password", fixSecret)
	case secret.Parameter(u.Query()) != "":
		p.add(path, fmt.Sprintf("holds a secret (%s)", secret.Parameter(u.Query())), fixSecret)
	}
}

// in notes where the runbook is: a relative token_file begins there.
func (e *Evidence) in(dir string) {
	if e.Samples != nil {
		for n := range e.Samples.Sources {
			e.Samples.Sources[n].dir = dir
		}
	}
	if e.Logs != nil {
		for n := range e.Logs.Sources {
			e.Logs.Sources[n].dir = dir
		}
	}
}

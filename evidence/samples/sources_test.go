package samples

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
)

// A folder's files of the time are read, packed ones too; links, folders and older files are not.
func TestFolder(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	bad := func(id string) string { return line(id, "v2", time.Second, 500, 5, "") }
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, bad("packed"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.jsonl"), bad("plain"))
	write(t, filepath.Join(dir, "b.jsonl.gz"), packed.String())
	write(t, filepath.Join(dir, "c.jsonl.gz"), packed.String()[:packed.Len()-9]) // it is being written
	write(t, filepath.Join(elsewhere, "linked.jsonl"), bad("linked"))
	write(t, filepath.Join(dir, "old.jsonl"), bad("old"))
	if err := os.Chtimes(filepath.Join(dir, "old.jsonl"), noon, noon.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "linked.jsonl"), filepath.Join(dir, "d.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "e"), 0o755); err != nil {
		t.Fatal(err)
	}
	q := askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}]}\n", dir))
	got := briefly(t, samplesOf(t, Asker{}, q))
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, []string{"packed: failed", "plain: failed"}) {
		t.Errorf("kept %q", got)
	}
	q.Source.Dir += "/nowhere"
	if _, err := (Asker{}).Ask(t.Context(), q); err == nil {
		t.Error("a folder that is not there has samples")
	}
}

// Of a long file the end is read, from a whole line on.
func TestTheEndOfALongFile(t *testing.T) {
	dir := t.TempDir()
	one := line("1", "v2", time.Second, 500, 5, "")
	write(t, filepath.Join(dir, "a"), strings.Repeat(one, 10))
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	p, err := tail(root, "a", int64(len(one)*3+5))
	if err != nil {
		t.Fatal(err)
	}
	defer p.in.Close()
	n := 0
	if err := eachLine(t.Context(), p.in, func(text string) {
		if n++; text+"\n" != one {
			t.Errorf("a torn line: %q", text)
		}
	}); err != nil || n != 3 || p.less == "" {
		t.Errorf("%d lines, %v, %q", n, err, p.less)
	}
}

// The mirror's log and what it was rotated to; who says no version is the candidate.
func TestMirrorLog(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "mirror.jsonl")
	write(t, log, `{"id":"new","response":{"status":500}}`+"\n")
	write(t, log+".1", `{"id":"rotated","response":{"status":500}}`+"\n")
	if err := os.Chtimes(log+".1", noon, noon.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "other.jsonl"), `{"id":"other","response":{"status":500}}`+"\n")
	s := samplesOf(t, Asker{}, askOf(t, fmt.Sprintf("  samples: {sources: [{mirror: %q}]}\n", log)))
	got := briefly(t, s)
	if slices.Sort(got); !slices.Equal(got, []string{"new: failed", "rotated: failed"}) || !strings.Contains(string(s.Requests[0]), `"v2"`) {
		t.Errorf("kept %q: %s", got, s.Requests)
	}
}

// An address is asked for both sides where it names one, with the token; an answer but 200 and a network
// that may not be called are mistakes.
func TestAddress(t *testing.T) {
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
		if r.URL.Path == "/broken" {
			http.Error(w, "no recordings token=CANARY", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"id":%q,"response":{"status":500}}`+"\n", r.URL.Path)
	}))
	defer srv.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("tok\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := samplesOf(t, asker(), askOf(t, fmt.Sprintf("  samples: {sources: [{url: %q, token_file: %q}]}\n", srv.URL+"/{backend}?from={from}&to={to}", token)))
	if got := briefly(t, s); !slices.Equal(got, []string{"/b2: failed", "/b1: failed"}) {
		t.Errorf("kept %q", got)
	}
	span := fmt.Sprintf("?from=%d&to=%d Bearer tok", noon.Unix(), noon.Unix()+61)
	if !slices.Equal(asked, []string{"/b2" + span, "/b1" + span}) {
		t.Errorf("asked %q", asked)
	}
	q := askOf(t, fmt.Sprintf("  samples: {sources: [{url: %q}]}\n", srv.URL+"/broken"))
	if _, err := asker().Ask(t.Context(), q); err == nil || !strings.Contains(err.Error(), "503") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a broken address: %v", err)
	}
	elsewhere := Asker{Client: outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})}
	if _, err := elsewhere.Ask(t.Context(), q); err == nil || !strings.Contains(err.Error(), "--outbound.allow") {
		t.Errorf("a network that may not be called: %v", err)
	}
}

// lokiServer is a strict Loki, made of its documented API, not a real one: query_range with what it
// needs, a tenant, and lines newest first.
func lokiServer(t *testing.T, lines map[time.Duration]string) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ask := r.URL.Query()
		start, err1 := strconv.ParseInt(ask.Get("start"), 10, 64)
		end, err2 := strconv.ParseInt(ask.Get("end"), 10, 64)
		limit, err3 := strconv.Atoi(ask.Get("limit"))
		switch {
		case r.Method != http.MethodGet || r.URL.Path != "/loki/api/v1/query_range":
			http.NotFound(w, r)
			return
		case r.Header.Get("X-Scope-OrgID") == "":
			http.Error(w, "no org id", http.StatusUnauthorized)
			return
		case err1 != nil || err2 != nil || err3 != nil || limit > 5000 || ask.Get("direction") != "backward" || end <= start:
			http.Error(w, "parse error", http.StatusBadRequest)
			return
		case strings.Count(strings.ReplaceAll(ask.Get("query"), `\"`, ""), `"`) != 2 || !strings.HasPrefix(ask.Get("query"), `{version="`):
			http.Error(w, "parse error at line 1, col 1: syntax error", http.StatusBadRequest)
			return
		}
		var values []string
		for after, text := range lines {
			if at := noon.Add(after).UnixNano(); at >= start && at < end && strings.Contains(ask.Get("query"), `"v2"`) {
				values = append(values, fmt.Sprintf(`["%d",%q]`, at, text))
			}
		}
		slices.Sort(values)
		slices.Reverse(values)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"ranker"},"values":[%s]}],"stats":{}}}`, strings.Join(values[:min(len(values), limit)], ","))
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestLoki(t *testing.T) {
	srv := lokiServer(t, map[time.Duration]string{
		time.Second: "level=info all is well", 2 * time.Second: `{"level":"error","msg":"bad features","user":"CANARY"}`, 3 * time.Second: "level=error password=CANARY", time.Hour: "level=error later",
	})
	source := fmt.Sprintf(`{loki: %q, tenant: ranking, query: '{version="{version}"}'}`, srv.URL)
	l := logOf(t, asker(), askOf(t, "  logs: {sources: ["+source+"]}\n"))
	var got []string
	for _, one := range l.Lines {
		got = append(got, one.TS.Format("05")+" "+one.Text)
	}
	want := []string{"01 level=info all is well", `02 {"level":"error","msg":"bad features"}`, "03 level=error password=CANARY"} // the folder redacts
	if !slices.Equal(got, want) || l.Read != 3 || l.Harm != 2 || l.Lines[0].Labels["app"] != "ranker" {
		t.Errorf("kept %q, read %d, errors %d", got, l.Read, l.Harm)
	}
	srv = lokiServer(t, map[time.Duration]string{time.Second: strings.TrimSpace(line("r1", "", time.Second, 500, 5, ""))})
	q := askOf(t, fmt.Sprintf("  samples: {sources: [{loki: %q, tenant: a, query: '{version=\"{version}\"}'}]}\n", srv.URL))
	s := samplesOf(t, asker(), q)
	if got := briefly(t, s); !slices.Equal(got, []string{"r1: failed"}) {
		t.Errorf("kept %q", got)
	}
	q.Candidate.Version = `v2"} or {app="other` // it cannot end the string that it stands in
	if _, err := asker().Ask(t.Context(), q); err != nil {
		t.Error(err)
	}
	q.Source.Tenant = ""
	if _, err := asker().Ask(t.Context(), q); err == nil || !strings.Contains(err.Error(), "401 Unauthorized: no org id") {
		t.Errorf("without a tenant: %v", err)
	}
}

// A program gets its arguments as they are, and nothing else; without the daemon's flag none is run.
func TestCommand(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "fetch")
	script := func(text string) {
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(args string) Ask {
		return askOf(t, fmt.Sprintf("  samples: {sources: [{command: [%q%s]}]}\n", program, args))
	}
	t.Setenv("CANARY", "secret")
	script(`echo "{\"id\":\"$1 $# $CANARY\",\"response\":{\"status\":500}}"`)
	for args, want := range map[string][]string{
		``:                             {" 0 : failed"},
		`, "$(id); {service}", "b"`:    {"$(id); ranker 2 : failed"},
		`, "--version={version}", "x"`: {"--version=v2 2 : failed", "--version=v1 2 : failed"},
	} {
		if got := briefly(t, samplesOf(t, asker(), ask(args))); !slices.Equal(got, want) {
			t.Errorf("%s: kept %q, want %q", args, got, want)
		}
	}
	q := ask(`, "{version}"`)
	q.Candidate.Version = "--output=/etc/passwd"
	if _, err := asker().Ask(t.Context(), q); err == nil || !strings.Contains(err.Error(), "begins with a dash") {
		t.Errorf("a version that is an option: %v", err)
	}
	if _, err := (Asker{}).Ask(t.Context(), ask("")); err == nil || !strings.Contains(err.Error(), "--evidence.allow-commands") {
		t.Errorf("without the flag: %v", err)
	}
	script("echo no access token=CANARY >&2\nexit 3\n")
	if _, err := asker().Ask(t.Context(), ask("")); err == nil || !strings.Contains(err.Error(), "exit status 3: no access") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a program that fails: %v", err)
	}
	// One that prints without end is ended.
	script("x=$(head -c 1000000 /dev/zero | tr '\\0' x)\nwhile :; do echo '{\"id\":\"1\",\"response\":{\"status\":500},\"request\":{\"path\":\"'$x'\"}}'; done\n")
	if s := samplesOf(t, asker(), ask("")); len(s.Part) != 1 || s.Read < 30 {
		t.Errorf("read %d, %q", s.Read, s.Part)
	}
}

// Where there are too many lines, errors that name the candidate are kept before newer ones of others,
// and errors before warnings and the rest.
func TestLinesOfErrorsFirst(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	at := func(n int) string { return noon.Add(time.Duration(n) * time.Second).Format(time.RFC3339) }
	fmt.Fprintf(&text, "%s WARN odd\n%s ERROR v2 failed\n", at(1), at(2))
	for n := range 40 {
		fmt.Fprintf(&text, "%s ERROR v1 failed %d\n%s INFO fine\n", at(10+n), n, at(10+n))
	}
	fmt.Fprintf(&text, "%s ERROR too late\n", at(100))
	write(t, filepath.Join(dir, "a.log"), text.String())
	l := logOf(t, Asker{}, askOf(t, fmt.Sprintf("  logs: {sources: [{dir: %q}], lines: 3}\n", dir)))
	var got []string
	for _, one := range l.Lines {
		got = append(got, one.Text[len(at(1))+1:])
	}
	if want := []string{"ERROR v2 failed", "ERROR v1 failed 38", "ERROR v1 failed 39"}; !slices.Equal(got, want) || l.Read != 82 || l.Harm != 41 {
		t.Errorf("kept %q of %d, %d of errors", got, l.Read, l.Harm)
	}
	l = logOf(t, Asker{}, askOf(t, fmt.Sprintf("  logs: {sources: [{dir: %q}], lines: 42}\n", dir)))
	if l.Lines[0].Text != at(1)+" WARN odd" || l.Lines[0].Error {
		t.Errorf("the warning is not kept: %q", l.Lines[0].Text)
	}
}

package program

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// A wrong command line is told what was probably meant, and asking for help is answered once.
func TestWhatWasMeant(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	ranker := filepath.Join(t.TempDir(), "ranker.yaml")
	if err := os.WriteFile(ranker, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, c := range map[string]struct {
		says string
		code int
	}{
		"demo":                               {"demo is in another program: autorollback-lab demo", cli.ExitUsage},
		"serv":                               {`there is no command "serv"; did you mean autorollback serve?`, cli.ExitUsage},
		"statsu":                             {`there is no command "statsu"; did you mean autorollback status?`, cli.ExitUsage},
		"rolback ranker":                     {`there is no command "rolback"; did you mean autorollback rollback?`, cli.ExitUsage},
		"replay":                             {`there is no command "replay"; did you mean autorollback shadow replay?`, cli.ExitUsage},
		"release sttus":                      {"did you mean autorollback release status?", cli.ExitUsage},
		"releese start":                      {`there is no command "releese"; did you mean autorollback release start?`, cli.ExitUsage},
		"releese":                            {`there is no command "releese"; did you mean autorollback release?`, cli.ExitUsage},
		"rollback ranker --reson x":          {"there is no flag --reson; did you mean --reason?", cli.ExitUsage},
		"status --colour=never":              {"there is no flag --colour; did you mean --color?", cli.ExitUsage},
		"status --cosmic-rays":               {"there is no flag --cosmic-rays; try --help", cli.ExitUsage},
		"control set pause --reason x":       {`"pause" is none of active, observe, paused; did you mean paused?`, cli.ExitUsage},
		"status -o xml":                      {`"xml" is none of text, json, yaml; try --help`, cli.ExitUsage},
		"rollback ranker":                    {"--reason is missing; try --help", cli.ExitUsage},
		"release wait --timeout=1h":          {"--for is missing", cli.ExitUsage},
		"incident show":                      {"the argument <id> is missing", cli.ExitUsage},
		"release":                            {"autorollback release needs a command: start, status, plan, promote, hold,", cli.ExitUsage},
		"release rollbak ranker":             {`there is no command "rollbak"; did you mean autorollback rollback?`, cli.ExitUsage},
		"help nonsense":                      {`there is no command "nonsense"`, cli.ExitUsage},
		"help incident shw":                  {"did you mean autorollback incident show?", cli.ExitUsage},
		"cosmic-rays":                        {`there is no command "cosmic-rays"; try --help`, cli.ExitUsage},
		"runbook new canary --metrics istio": {"Name the service: --service", cli.ExitUsage},
		"runbook new canary --service ranker --metrics foo":       {"there are bentoml, envoy, fastapi", cli.ExitUsage},
		"runbook check nowhere":                                   {"nowhere: no such file", cli.ExitError},
		"rules plan " + ranker + " --rate-from " + nobody:         {"no Prometheus answers at " + nobody + ": connection refused; start it there, or name another address with --rate-from", cli.ExitError},
		"runbook check " + ranker + " --prometheus.url " + nobody: {"no Prometheus answers at " + nobody + ": connection refused; start it there, or name another address with --prometheus.url", cli.ExitError},
		"rules verify " + ranker + " --prometheus.url " + nobody:  {"no Prometheus answers at " + nobody + ": connection refused; start it there, or name another address with --prometheus.url", cli.ExitError},
		"doctor --url " + nobody:                                  {"no daemon answers at " + nobody + ": connection refused; start it there, or name another address with --url or AUTOROLLBACK_URL", cli.ExitError},
	} {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(args), nil, &out, &out)
		if err == nil || !strings.Contains(err.Error(), c.says) || cli.ExitCode(err) != c.code {
			t.Errorf("%s: %v, code %d; it should say %q, code %d", args, err, cli.ExitCode(err), c.says, c.code)
		}
	}
	for _, args := range []string{"--help", "help", "serve --help", "help serve", "help release wait", "release --help"} {
		var out bytes.Buffer
		if err := run(t.Context(), strings.Fields(args), nil, &out, &out); err != nil || strings.Count(out.String(), "usage:") != 1 {
			t.Errorf("%s: %v, %d helps", args, err, strings.Count(out.String(), "usage:"))
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--version"}, nil, &out, &out); err != nil || out.String() != "test\n" {
		t.Errorf("--version: %v, %q", err, out.String())
	}
}

// Where no daemon answers, that is all that is said: no empty answer stands before it, which a
// script would read.
func TestNoAnswerIsPrintedWithoutADaemon(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	for _, args := range []string{"control show", "audit list", "audit list -o json", "incident list", "incident show inc-1", "release status",
		"release status -o json", "status", "status -o yaml", "incident show inc-1 -o json", "why ranker", "doctor", "doctor -o json", "shadow status", "recover ranker --dry-run"} {
		var out bytes.Buffer
		if err := run(t.Context(), append(strings.Fields(args), "--url="+nobody), nil, &out, io.Discard); err == nil || !strings.Contains(err.Error(), "no daemon answers") || out.Len() > 0 {
			t.Errorf("%s: %v, and it prints %q", args, err, out.String())
		}
	}
}

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/test/receivers"
)

// A file names a Slack, a Teams and a mail server, and a message reaches each of them with a link to its
// incident's page.
func TestSinksFile(t *testing.T) {
	slack, teams, mail := receivers.Slack(t), receivers.Teams(t), receivers.Mail(t, "starttls", "PLAIN")
	dir := t.TempDir()
	write := writer(t, dir)
	write("slack.url", slack.URL+"\n")
	write("teams.url", teams.URL)
	write("mail.password", receivers.MailPassword+"\n")
	d := &Daemon{log: zap.NewNop(), set: regions.New(regions.NewStores(), nil, nil, zap.NewNop())}
	d.cfg.Messages.Sinks = write("sinks.yml", fmt.Sprintf(`sinks:
  ranking-chat: {slack: {url_file: slack.url}}
  ranking-teams: {teams: {url_file: teams.url}}
  on-call:
    mail: {server: %q, ca_file: %q, user: %s, password_file: mail.password, from: Autorollback <ar@example.com>, to: [ranking@example.com]}
`, mail.Address, mail.CAFile, receivers.MailUser))
	post, err := d.newPost(prometheus.NewRegistry(), report.Keyring{}, "https://ar.example/")
	if err != nil {
		t.Fatal(err)
	}
	if got := post.Sinks(); !slices.Equal(got, []string{"log", "on-call", "ranking-chat", "ranking-teams"}) {
		t.Errorf("the sinks are %v", got)
	}
	m := record.Message{ID: "inc-1-acted-1", Kind: "acted", Service: "ranker", Incident: "inc-1", Title: "ranker: rolled back", CreatedAt: time.Now()}
	for _, sink := range post.Sinks() {
		if _, err := post.Send(t.Context(), sink, m); err != nil {
			t.Error(err)
		}
	}
	if len(slack.Bodies()) != 1 || len(teams.Bodies()) != 1 || len(mail.Letters()) != 1 {
		t.Fatalf("%d, %d and %d came", len(slack.Bodies()), len(teams.Bodies()), len(mail.Letters()))
	}
	for name, text := range map[string]string{"slack": string(slack.Bodies()[0]), "teams": string(teams.Bodies()[0]), "mail": strings.ReplaceAll(mail.Letters()[0].Raw, "=\r\n", "")} {
		if !strings.Contains(text, "https://ar.example/incidents/inc-1") {
			t.Errorf("%s has no link to the page:\n%s", name, text)
		}
	}
	files := d.cfg.secretFiles()
	for _, name := range []string{"slack.url", "teams.url", "mail.password"} {
		if !slices.Contains(files, filepath.Join(dir, name)) {
			t.Errorf("nobody looks whether %s is kept secret", name)
		}
	}
}

// What cannot be meant is refused at the start, with its line, and without what is secret.
func TestSinksThatCannotBeMeant(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "write sinks:"},
		"none":               {"sinks: {}", "it names no sink"},
		"no place":           {"sinks: {chat: {}}", "name one of slack, teams and mail"},
		"two places":         {"sinks: {chat: {slack: {url_file: url}, teams: {url_file: url}}}", "name one of slack, teams and mail"},
		"a flag's name":      {"sinks: {webhook: {slack: {url_file: url}}}", "choose another one"},
		"no name":            {"sinks: {'Our chat': {slack: {url_file: url}}}", "use lower-case letters"},
		"an unknown field":   {"sinks: {chat: {slack: {url: https://CANARY.example}}}", "url_file"},
		"no file":            {"sinks: {chat: {slack: {url_file: none}}}", "none"},
		"no address":         {"sinks: {chat: {slack: {url_file: secret}}}", "sink chat: slack webhook's address"},
		"two addresses":      {"sinks: {chat: {teams: {url_file: two}}}", "more than one line"},
		"nothing in it":      {"sinks: {chat: {teams: {url_file: empty}}}", "is empty"},
		"everybody reads it": {"sinks: {chat: {teams: {url_file: open}}}", "its mode is 0644"},
		"no server":          {"sinks: {chat: {mail: {from: a@b.c, to: [a@b.c]}}}", "name the mail server"},
		"no port":            {"sinks: {chat: {mail: {server: mail.example, from: a@b.c, to: [a@b.c]}}}", "want HOST:PORT"},
		"nobody":             {"sinks: {chat: {mail: {server: 'm:25', from: a@b.c}}}", "name at least one address"},
		"a name alone":       {"sinks: {chat: {mail: {server: 'm:25', user: a, from: a@b.c, to: [a@b.c]}}}", "write both or neither"},
		"in the clear":       {"sinks: {chat: {mail: {server: 'm:25', tls: none, user: a, password_file: secret, from: a@b.c, to: [a@b.c]}}}", "over TLS only"},
		"no TLS":             {"sinks: {chat: {mail: {server: 'm:25', tls: sure, from: a@b.c, to: [a@b.c]}}}", "starttls, implicit or none"},
		"no certificate":     {"sinks: {chat: {mail: {server: 'm:25', ca_file: secret, from: a@b.c, to: [a@b.c]}}}", "has no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			err := begin(t, func(dir string, cfg *Config) {
				for file, text := range map[string]string{"secret": "CANARY-4711", "two": "https://CANARY.example\nhttps://b.example", "empty": "\n", "open": "https://CANARY.example", "sinks.yml": c.text} {
					mode := os.FileMode(0o600)
					if file == "open" {
						mode = 0o644
					}
					if err := os.WriteFile(filepath.Join(dir, file), []byte(text), mode); err != nil {
						t.Fatal(err)
					}
				}
				cfg.Messages.Sinks = filepath.Join(dir, "sinks.yml")
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "CANARY-4711") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A runbook that names a sink which is not there is refused: its people would get nothing.
func TestARunbookNamesASinkThatIsNotThere(t *testing.T) {
	for name, ok := range map[string]bool{"chat": true, "caht": false} {
		err := begin(t, func(dir string, cfg *Config) {
			for file, text := range map[string]string{
				"url": "https://chat.example/key", "sinks.yml": "sinks: {chat: {slack: {url_file: url}}}",
				"ranker.yaml": strings.Replace(string(demo.Runbook), "communication:\n", "communication:\n  sinks: ["+name+"]\n", 1),
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cfg.Messages.Sinks = filepath.Join(dir, "sinks.yml")
		})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), `communication.sinks names "caht"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

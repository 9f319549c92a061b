package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/secret"
)

// A sinksFile is the file of --message.sinks-file: where messages go beside Alertmanager, by the name that
// runbooks and metrics have for it. Paths are seen from that file.
type sinksFile struct {
	Sinks map[string]sinkConfig `yaml:"sinks"`
}

// A sinkConfig is one of the three.
type sinkConfig struct {
	Slack *hookConfig `yaml:"slack"`
	Teams *hookConfig `yaml:"teams"`
	Mail  *mailConfig `yaml:"mail"`
}

// A hookConfig is an incoming webhook. Its address is a secret, and stands in a file.
type hookConfig struct {
	URLFile string `yaml:"url_file"`
}

type mailConfig struct {
	Server       string   `yaml:"server"` // HOST:PORT
	TLS          string   `yaml:"tls"`    // starttls, implicit or none; default starttls
	CAFile       string   `yaml:"ca_file"`
	User         string   `yaml:"user"`
	PasswordFile string   `yaml:"password_file"`
	From         string   `yaml:"from"`
	To           []string `yaml:"to"`
}

const fixSinks = "write sinks: {NAME: {slack: {url_file: FILE}}}, or teams, or mail: {server: HOST:PORT, from: ADDRESS, to: [ADDRESS]}"

// ownSinks are the names of those that are set up by flags, and carry everything.
var ownSinks = []string{"log", "alertmanager", "webhook"}

// readSinks reads the file strictly. No file is no sinks.
func readSinks(file string) (map[string]sinkConfig, error) {
	if file == "" {
		return nil, nil
	}
	text, err := runbook.ReadFile(file, runbook.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("read file of sinks: %w", err)
	}
	var doc sinksFile
	if err := runbook.Decode(file, text, &doc, fixSinks, doc.check); err != nil {
		return nil, fmt.Errorf("read file of sinks: %w", err)
	}
	for _, s := range doc.Sinks {
		besides(file, s.files()...)
	}
	return doc.Sinks, nil
}

func (f *sinksFile) check(note runbook.Check) {
	note.Want(len(f.Sinks) > 0, "sinks", "it names no sink", fixSinks)
	for name, s := range f.Sinks {
		at := "sinks." + name
		note.Want(runbook.IsRegion(name), at, "is not the name of a sink", "use lower-case letters, digits and dashes, 63 at most, not starting with a dash")
		note.Want(!slices.Contains(ownSinks, name), at, "is the name of a sink that a flag sets up", "choose another one")
		kinds := 0
		for kind, hook := range map[string]*hookConfig{"slack": s.Slack, "teams": s.Teams} {
			if hook != nil {
				kinds++
				note.Want(hook.URLFile != "", at+"."+kind+".url_file", "is missing", "write the webhook's address into a file, and name that")
			}
		}
		if s.Mail != nil {
			kinds++
			s.Mail.check(note, at+".mail")
		}
		note.Want(kinds == 1, at, "is not one place", "name one of slack, teams and mail")
	}
}

func (m mailConfig) check(note runbook.Check, at string) {
	note.Want(m.Server != "", at+".server", "is missing", "name the mail server: HOST:PORT")
	note.Want(m.From != "", at+".from", "is missing", "name an address")
	note.Want(len(m.To) > 0, at+".to", "is missing", "name at least one address")
	note.Want((m.User == "") == (m.PasswordFile == ""), at+".password_file", "goes with user", "write both or neither")
}

// files are the paths that a sink names.
func (s sinkConfig) files() (all []*string) {
	for _, hook := range []*hookConfig{s.Slack, s.Teams} {
		if hook != nil {
			all = append(all, &hook.URLFile)
		}
	}
	if s.Mail != nil {
		all = append(all, &s.Mail.PasswordFile, &s.Mail.CAFile)
	}
	return all
}

// chosenSinks are the sinks of the file, for the services whose runbooks name them.
func (d *Daemon) chosenSinks(external string) ([]notify.Sink, error) {
	all, err := readSinks(d.cfg.Messages.Sinks)
	if err != nil {
		return nil, err
	}
	pages := pagesAt(external)
	var out []notify.Sink
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sender, err := d.sender(all[name], pages)
		if err != nil {
			return nil, fmt.Errorf("sink %s: %w", name, err)
		}
		out = append(out, notify.Sink{Name: name, Sender: sender, Chosen: true})
	}
	return out, nil
}

func (d *Daemon) sender(s sinkConfig, pages notify.Pages) (notify.Sender, error) {
	switch {
	case s.Slack != nil:
		address, err := secretLine(s.Slack.URLFile)
		if err != nil {
			return nil, err
		}
		return notify.NewSlack(address, d.client(), pages)
	case s.Teams != nil:
		address, err := secretLine(s.Teams.URLFile)
		if err != nil {
			return nil, err
		}
		return notify.NewTeams(address, d.client(), pages)
	}
	return d.mail(*s.Mail, pages)
}

func (d *Daemon) mail(c mailConfig, pages notify.Pages) (notify.Sender, error) {
	server := notify.MailServer{Address: c.Server, TLS: c.TLS, User: c.User, From: c.From, To: c.To}
	if server.TLS == "" {
		server.TLS = notify.StartTLS
	}
	if c.PasswordFile != "" {
		var err error
		if server.Password, err = secretLine(c.PasswordFile); err != nil {
			return nil, err
		}
	}
	calls := outbound.Options{Allow: d.cfg.Allow}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		calls.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		if !calls.TLS.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca_file %s has no certificate", c.CAFile)
		}
	}
	return notify.NewMail(server, calls, pages, d.log)
}

// secretLine reads a file that holds one line.
func secretLine(path string) (secret.Value, error) {
	text, err := secret.Read(path, secret.Group)
	line := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return secret.Value{}, err
	case line == "":
		return secret.Value{}, fmt.Errorf("%s is empty", path)
	case strings.ContainsAny(line, "\r\n"):
		return secret.Value{}, fmt.Errorf("%s has more than one line", path)
	}
	return secret.New(line), nil
}

// pagesAt finds the page that a message is about.
func pagesAt(external string) notify.Pages {
	return func(m record.Message) string {
		if m.Incident == "" {
			return strings.TrimRight(external, "/") + "/"
		}
		return strings.TrimRight(external, "/") + report.IncidentPath + url.PathEscape(m.Incident)
	}
}

// checkSinks refuses runbooks that name a sink which is not set up here: their people would get nothing.
func (d *Daemon) checkSinks(runbooks []*runbook.Runbook) error {
	all, err := readSinks(d.cfg.Messages.Sinks)
	if err != nil {
		return err
	}
	var wrong []error
	for _, rb := range runbooks {
		for _, name := range rb.Communication.Sinks {
			if _, ok := all[name]; !ok {
				wrong = append(wrong, fmt.Errorf("%s: communication.sinks names %q, which is not in the file of --message.sinks-file", rb.File, name))
			}
		}
	}
	return errors.Join(wrong...)
}

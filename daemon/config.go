package daemon

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/autorollback/autorollback/receiver"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Config is everything the daemon is told on the command line.
type Config struct {
	Version  string // of the program
	Runbooks []string
	Store    string
	// RegionsFile says where each region's store and Prometheus are, in place of Store,
	// Consul and Prometheus; empty: there is one of each.
	RegionsFile string
	Replica     string
	LogLevel    string
	LogFormat   string

	Consul struct{ TokenFile, Datacenter, CAFile string }

	Prometheus struct {
		URL, HTTPConfig string
		Timeout         time.Duration
	}
	Receiver struct {
		Listen, TokenFile string
		TLS               receiver.TLS
	}
	Web struct {
		Listen, ConfigFile, RolesFile, External string
		LinkOnly                                bool
	}
	Metrics  struct{ Listen, ConfigFile string }            // no Listen: at the web listener alone
	OFREP    struct{ Listen, TokenFile, ConfigFile string } // no Listen: off
	Keys     string                                         // the approval keyring
	Evidence string
	Archive  Archive
	Keeper   string // the helper program; empty: beside this one
	Images   struct{ Hold, Check bool }
	// Commands lets runbooks name programs that are run for samples and logs.
	Commands bool
	Journal  string

	SigningKey string // signs the journal's heads; none: they are not signed

	Messages Messages
	// Allow are the networks that may be called; none: any, see [outbound.Options].
	Allow []netip.Prefix

	WatchEvery, ReconcileEvery, RulesEvery time.Duration

	ControlByTwo bool // to take automation away takes two people
}

// Messages says where people get messages beside the log.
type Messages struct {
	Alertmanagers        []string
	AlertmanagerHTTP     string // a file in Prometheus' form
	Webhook, WebhookFile string // its address, or the file that it stands in
	WebhookSecrets       string
	Sinks                string // a file that names Slack, Teams and mail
}

// secretFiles are those that only the daemon, and whom it shares them with, may read.
func (c Config) secretFiles() []string {
	files := []string{c.Receiver.TokenFile, c.Receiver.TLS.Key, c.OFREP.TokenFile, c.Keys, c.SigningKey, c.Messages.WebhookFile, c.Messages.WebhookSecrets}
	sinks, _ := readSinks(c.Messages.Sinks) // the daemon does not start with a wrong one
	for _, s := range sinks {
		for _, hook := range []*hookConfig{s.Slack, s.Teams} {
			if hook != nil {
				files = append(files, hook.URLFile)
			}
		}
		if s.Mail != nil {
			files = append(files, s.Mail.PasswordFile)
		}
	}
	return files
}

// journal is the file of the journal.
func (c Config) journal() string {
	return cmp.Or(c.Journal, filepath.Join(c.Evidence, "journal.jsonl"))
}

// Serve runs the daemon until ctx ends: listeners first, so that a port that is taken
// is an error at once.
func Serve(ctx context.Context, cfg Config, log *zap.Logger, reload <-chan os.Signal) error {
	hooks, err := net.Listen("tcp", cfg.Receiver.Listen)
	if err != nil {
		return fmt.Errorf("listen for Alertmanager: %w", err)
	}
	defer hooks.Close()
	people, err := net.Listen("tcp", cfg.Web.Listen)
	if err != nil {
		return fmt.Errorf("listen for people: %w", err)
	}
	defer people.Close()
	d, err := New(cfg, people.Addr(), log)
	if err != nil {
		return err
	}
	return d.Run(ctx, hooks, people, reload)
}

// NewLog makes the log that the configuration wants.
func NewLog(cfg Config, w io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cfg.LogLevel)
	if err != nil {
		return nil, OptionError{err}
	}
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	enc := zapcore.NewJSONEncoder(ec)
	if cfg.LogFormat == "console" {
		ec.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		enc = zapcore.NewConsoleEncoder(ec)
	}
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(w)), level)), nil
}

// An OptionError is something in the configuration that cannot be meant.
type OptionError struct{ Err error }

func (e OptionError) Error() string { return e.Err.Error() + "; try --help" }

// Unwrap returns what is wrong.
func (e OptionError) Unwrap() error { return e.Err }

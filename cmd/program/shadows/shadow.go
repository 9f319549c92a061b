// Package shadows is the subcommands that compare a candidate with stable before it takes traffic: replay, join,
// report and record, and the mirror's. It never decides anything: package diff judges, and the daemon keeps.
package shadows

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
	shadowjoin "github.com/autorollback/autorollback/shadow/join"
	"github.com/autorollback/autorollback/shadow/recording"
	"github.com/autorollback/autorollback/shadow/replay"
)

// Commands are shadow replay, join and report, which need no daemon, and those
// that keep and show a verdict and switch the mirror, which go through its API.
func Commands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("shadow", "Compare the candidate with stable before it takes traffic. A block ends with exit code 3, an inconclusive verdict with 5.")
	all := map[string]cli.Action{}
	for _, declare := range []func(*kingpin.CmdClause, cli.Console) (string, cli.Action){shadowReplay, shadowJoin, shadowReport, shadowRecord, shadowStart, shadowStop, shadowStatus} {
		name, a := declare(cmd, c)
		all[name] = a
	}
	return all
}

func shadowReplay(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("replay", `Send a sample of a recording to the candidate once and to stable twice. You can stop it at any time; start it again to continue. Example: autorollback shadow replay recording.jsonl --candidate http://127.0.0.1:8082 --stable http://127.0.0.1:8081 --allow "POST /predict" --pairs pairs.jsonl`)
	var r replay.Replay
	cmd.Arg("recording", "JSONL, CloudEvents or GoReplay files; .gz is unpacked.").Required().StringsVar(&r.Recordings)
	cmd.Flag("candidate", "The candidate's address.").Required().StringVar(&r.Candidate)
	cmd.Flag("stable", "Stable's address.").Required().StringVar(&r.Stable)
	cmd.Flag("pairs", "The file of pairs to write; if it is there, the run continues where it stopped.").Required().StringVar(&r.Output)
	sample := cmd.Flag("sample", "The share of requests, chosen by the hash of their id.").Default("5%").String()
	cmd.Flag("rate", "Requests a second at most; 0: as fast as they go.").Default("50").Float64Var(&r.Rate)
	cmd.Flag("parallel", "Requests under way at most.").Default("8").IntVar(&r.Parallel)
	cmd.Flag("timeout", "For each answer.").Default("10s").DurationVar(&r.Timeout)
	allow := cmd.Flag("allow", `A method and a path prefix that do no harm when sent again, e.g. "POST /predict"; may be repeated. GET and HEAD are always sent.`).Strings()
	cmd.Flag("send-header", "A header to send although it may hold a secret (Authorization, Cookie, …); may be repeated.").StringsVar(&r.Keep)
	read, judge := readFlags(cmd, ""), judgeFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		var err error
		if r.Permyriad, err = permyriad(*sample); err != nil {
			return cli.Usage(err)
		}
		for _, text := range *allow {
			a, err := replay.ParseAllow(text)
			if err != nil {
				return cli.Usage(err)
			}
			r.Allow = append(r.Allow, a)
		}
		plan, err := judge.plan()
		if err != nil {
			return err
		}
		r.Read, r.Segments, r.ShowBad = read.options(), plan.Segments, *judge.showBad
		if err := cli.MakeFolder(r.Output); err != nil {
			return fmt.Errorf("make folder for pairs: %w", err)
		}
		r.Progress = new(replay.Progress)
		stop := showProgress(c.Err, r.Progress)
		run, err := r.Run(ctx)
		stop()
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("%w; start it again with the same flags to go on", err)
			}
			return err
		}
		fmt.Fprintf(c.Err, "%s: %d records read, %d in the sample, %d not sent, %d unreadable\n", r.Output, run.Read, run.Sampled, run.Refused, run.Bad)
		if !judge.wanted() {
			return nil
		}
		return judge.report(ctx, c, plan, r.Output)
	}
}

func shadowJoin(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("join", "Compare two inference logs of the same hours by request id. Example: autorollback shadow join --stable-log stable.jsonl --candidate-log candidate.jsonl --plan shadow.yaml --html report.html")
	var j shadowjoin.Join
	cmd.Flag("stable-log", "Stable's log; may be repeated.").Required().StringsVar(&j.Stable)
	cmd.Flag("candidate-log", "The candidate's log; may be repeated.").Required().StringsVar(&j.Candidate)
	sample := cmd.Flag("sample", "The share of requests, chosen by the hash of their id.").Default("100%").String()
	cmd.Flag("temp-dir", "Where the logs are sorted; default: the system's folder. It needs their size.").StringVar(&j.Dir)
	pairs := cmd.Flag("pairs", "Write the pairs to this new file as well as, or instead of, reporting.").String()
	stable, candidate, judge := readFlags(cmd, "stable-"), readFlags(cmd, "candidate-"), judgeFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		plan, err := judge.plan()
		if err != nil {
			return err
		}
		if j.Permyriad, err = permyriad(*sample); err != nil {
			return cli.Usage(err)
		}
		j.StableRead, j.CandidateRead, j.Segments, j.ShowBad = stable.options(), candidate.options(), plan.Segments, *judge.showBad
		var run shadow.Run
		if *pairs == "" {
			return judge.compare(ctx, c, plan, j.Pairs(ctx, &run), &run, append(slices.Clone(j.Stable), j.Candidate...)...)
		}
		if err := cli.MakeFolder(*pairs); err != nil {
			return fmt.Errorf("make folder for pairs: %w", err)
		}
		if err := recording.WritePairs(*pairs, shadow.PairHeader{Kind: "join", From: j.Stable, Against: j.Candidate}, j.Pairs(ctx, &run), &run); err != nil {
			return err
		}
		if !judge.wanted() {
			return nil
		}
		return judge.report(ctx, c, plan, *pairs)
	}
}

func shadowReport(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("report", "Judge a file of pairs. Example: autorollback shadow report pairs.jsonl --plan shadow.yaml --release release.yaml --html report.html --json report.json --gate-file gate.json")
	pairs := cmd.Arg("pairs", "What shadow replay or shadow join wrote.").Required().String()
	judge := judgeFlags(cmd)
	return cmd.FullCommand(), func(ctx context.Context) error {
		plan, err := judge.plan()
		if err != nil {
			return err
		}
		return judge.report(ctx, c, plan, *pairs)
	}
}

// reading are the flags of one recording or log.
type reading struct{ format, idHeader *string }

func readFlags(cmd *kingpin.CmdClause, prefix string) reading {
	return reading{
		cmd.Flag(prefix+"format", "How it is written: "+strings.Join(recording.Formats(), ", ")+".").Default(string(recording.Auto)).Enum(recording.Formats()...),
		cmd.Flag(prefix+"id-header", "The request header that holds the id, instead of the format's own id.").String(),
	}
}

func (r reading) options() recording.ReadOptions {
	return recording.ReadOptions{Format: recording.Format(*r.format), IDHeader: *r.idHeader}
}

// permyriad reads a share as parts of 10,000.
func permyriad(text string) (int, error) {
	share, err := runbook.ParseRatio(text)
	if err != nil {
		return 0, fmt.Errorf("--sample: %w", err)
	}
	n := int(float64(share)*10_000 + 0.5)
	if n < 1 || n > 10_000 {
		return 0, fmt.Errorf("--sample: %q is not between 0.01%% and 100%%", text)
	}
	return n, nil
}

// subject names what is judged: from a release file, or flag by flag.
func (j *judging) subject() (diff.Subject, error) {
	who := diff.Subject{Service: *j.service, Candidate: *j.candidate, Stable: *j.stable}
	if *j.release == "" {
		return who, nil
	}
	text, err := os.ReadFile(*j.release)
	if err != nil {
		return who, fmt.Errorf("read release: %w", err)
	}
	launch, err := runbook.ParseLaunch(*j.release, text)
	if err != nil {
		return who, err
	}
	return diff.Subject{Service: launch.Service, Candidate: launch.Candidate.Bundle.Digest(), Stable: launch.Stable.Bundle.Digest()}, nil
}

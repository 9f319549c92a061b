package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

const (
	maxOrder   = 128 << 10
	maxParsing = 2    // orders parsed at the same time
	maxReason  = 2000 // bytes
)

func replyOf(d api.Decision) record.Reply {
	return record.Reply{Yes: d.Decision == "approve", Anyway: d.Anyway, Reason: plain(d.Reason)}
}

// bad is an order that cannot be understood.
type bad struct {
	code int
	text string
}

func (b bad) Error() string { return b.text }

func badOrder(err error) (problem, bool) {
	var b bad
	if !errors.As(err, &b) {
		return problem{}, false
	}
	kind := api.BadData
	if b.code == http.StatusForbidden {
		kind = api.Forbidden
	}
	return problem{code: b.code, kind: kind, text: b.text}, true
}

func badData(format string, args ...any) error {
	return bad{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// launchKinds are the forms of a release file.
var launchKinds = []string{"application/json", "application/yaml", "application/x-yaml"}

func (s *server) start(ctx context.Context, r *http.Request, who visitor) (any, error) {
	text, err := body(r, launchKinds...)
	if err != nil {
		return nil, err
	}
	launch, err := s.parseLaunch(ctx, text)
	if err != nil {
		return nil, err
	}
	if refused := s.allow(who, policy.Operate, launch.Service, false); refused != nil {
		return nil, bad{refused.code, refused.text}
	}
	if launch.StableNotProved, err = notProved(r); err != nil {
		return nil, err
	}
	if region := r.URL.Query().Get("region"); region != "" {
		launch.Region, launch.Regions = region, nil
	}
	switch safer := r.URL.Query().Get("safer"); safer {
	case "", "false":
	case "true":
		launch.Safer = true
	default:
		return nil, badData("safer is %q, want true or false", safer)
	}
	return s.Engine.Start(ctx, launch, who.Caller)
}

// parseLaunch reads a release file when it is its turn: a tree of YAML is many times its text.
func (s *server) parseLaunch(ctx context.Context, text []byte) (l runbook.Launch, err error) {
	select {
	case s.parsing <- struct{}{}:
		defer func() { <-s.parsing }()
	case <-ctx.Done():
		return l, runbook.ErrLater
	}
	if l, err = runbook.ParseLaunch("release.yaml", text); err != nil {
		err = badData("%s", err)
	}
	return l, err
}

// notProved is a person's reason why the stable side need not be the last known good.
func notProved(r *http.Request) (string, error) {
	q := r.URL.Query()
	reason := plain(q.Get("reason"))
	switch said := q.Get("stable_not_proved"); {
	case said == "" || said == "false":
		return "", nil
	case said != "true":
		return "", badData("stable_not_proved is %q, want true or false", said)
	case reason == "":
		return "", badData("a reason is needed: ?stable_not_proved=true&reason=…")
	}
	return reason, nil
}

// A change carries out an order of somebody we know.
type change[In, Out any] func(context.Context, *http.Request, visitor, In) (Out, error)

// withReason is an order about one service in a region whose body is a [api.Reason].
func withReason[T any](s *server, do func(e Engine, ctx context.Context, service, region string, by record.Caller, reason string) (T, error)) change[api.Reason, T] {
	return func(ctx context.Context, r *http.Request, who visitor, in api.Reason) (done T, err error) {
		reason, err := given(in.Reason)
		if err != nil {
			return done, err
		}
		return do(s.Engine, ctx, r.PathValue("service"), r.PathValue("region"), who.Caller, reason)
	}
}

// step is an order that needs no reason: it is the plan.
func step(s *server, do func(e Engine, ctx context.Context, service, region string, by record.Caller) (record.Release, error)) change[api.Step, record.Release] {
	return func(ctx context.Context, r *http.Request, who visitor, _ api.Step) (record.Release, error) {
		return do(s.Engine, ctx, r.PathValue("service"), r.PathValue("region"), who.Caller)
	}
}

func (s *server) rollbackAll(ctx context.Context, r *http.Request, who visitor, in api.Reason) ([]view.RegionOutcome, error) {
	reason, err := given(in.Reason)
	if err != nil {
		return nil, err
	}
	return s.Engine.RollbackAll(ctx, r.PathValue("service"), who.Caller, reason)
}

func (s *server) recovery(ctx context.Context, r *http.Request) (view.Recovery, error) {
	return s.Engine.Recovery(ctx, r.PathValue("service"), r.PathValue("region"))
}

func (s *server) recoverStore(ctx context.Context, r *http.Request, who visitor, o api.Recover) (view.Recovery, error) {
	reason, err := given(o.Reason)
	switch {
	case err != nil:
		return view.Recovery{}, err
	case o.Plan == "":
		return view.Recovery{}, badData("the plan is missing: read the recovery, and say yes to its plan")
	}
	return s.Engine.Recover(ctx, r.PathValue("service"), r.PathValue("region"), who.Caller, reason, o.Plan)
}

func (s *server) lift(ctx context.Context, r *http.Request, who visitor, in api.Reason) (api.Step, error) {
	reason, err := given(in.Reason)
	if err != nil {
		return api.Step{}, err
	}
	return api.Step{}, s.Engine.Lift(ctx, r.PathValue("digest"), who.Caller, reason)
}

func (s *server) setControl(ctx context.Context, _ *http.Request, who visitor, c record.Control) (record.Control, error) {
	return s.control(ctx, c, "", who)
}

// control sets the stop switch as the API and the page order it; plan is the digest of what was shown, if it was.
func (s *server) control(ctx context.Context, c record.Control, plan string, who visitor) (record.Control, error) {
	switch c.Mode {
	case runbook.Active, runbook.Observe, runbook.Paused:
	default:
		return c, badData("mode is %q, want active, observe or paused", c.Mode)
	}
	if c.Mode == runbook.Paused && (c.Until.IsZero() || c.Reason == "") {
		return c, badData("a pause needs a reason and an end (until)")
	}
	if !c.Until.IsZero() && !c.Until.After(time.Now()) {
		return c, badData("until is %s, which is not in the future", report.Clock(c.Until))
	}
	c.By, c.Reason = who.Name, plain(c.Reason)
	return c, s.Engine.SetControl(ctx, c, plan, who.Caller)
}

// given is a person's reason as one line.
func given(reason string) (string, error) {
	if reason = plain(reason); reason == "" {
		return "", badData("a reason is needed")
	}
	return reason, nil
}

// order reads a strict JSON body.
func order(r *http.Request, into any) error {
	text, err := body(r, "application/json")
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return badData("read order: %s", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badData("read order: something follows the JSON object")
	}
	return nil
}

func body(r *http.Request, kinds ...string) ([]byte, error) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(kinds, got) {
		return nil, bad{http.StatusUnsupportedMediaType, "the body must be " + strings.Join(kinds, " or ")}
	}
	text, err := io.ReadAll(r.Body)
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return nil, bad{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxOrder)}
	}
	if err != nil {
		return nil, badData("read order: %s", err)
	}
	return text, nil
}

// plain makes one line of what a person wrote, without invisible characters.
func plain(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "")
	}
	return s
}

// rampPlan says what the ramp will take, and where the release stands on it.
func (s *server) rampPlan(ctx context.Context, r *http.Request) (view.RampPlan, error) {
	return s.Engine.RampPlan(ctx, r.PathValue("service"), r.PathValue("region"))
}

// answer is the command line's twin of the page. Where nobody can sign in, it needs
// the link's token: holding the link is then all there is to know of a person.
func (s *server) answer(ctx context.Context, r *http.Request, who visitor, in api.Decision) (record.Approval, error) {
	a, err := s.Engine.Approval(ctx, r.PathValue("id"))
	if err != nil {
		return a, err
	}
	if !who.signedIn() || in.Token != "" {
		claims, err := s.Tokens.Verify(in.Token, time.Now())
		if err == nil {
			err = claims.Match(a)
		}
		if err != nil {
			return a, bad{http.StatusForbidden, "nobody can sign in here, so the link itself is needed: " + err.Error()}
		}
	}
	if !who.signedIn() {
		who.Name, who.How = linkHolder, record.LinkOnly
	}
	if p := understood(a, in); p != nil {
		return a, bad{p.code, p.text}
	}
	return s.Engine.Answer(ctx, a.ID, who.Caller, replyOf(in))
}

// linkHolder is what somebody is called of whom only the link is known.
const linkHolder = "holder of the link"

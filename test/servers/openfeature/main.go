// Command openfeature evaluates flags as the users' programs do: with OpenFeature's Go SDK and its
// OFREP provider, with flagd's evaluator, and with go-feature-flag. Tests give it one question
// a line on standard input, and read one answer a line.
//
//	openfeature ofrep URL TOKEN
//	openfeature flagd FILE
//	openfeature goff FILE
//	openfeature page URL TOKEN    only what docs/flags.md shows
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	ffclient "github.com/thomaspoignant/go-feature-flag"
	"github.com/thomaspoignant/go-feature-flag/ffcontext"
	"github.com/thomaspoignant/go-feature-flag/retriever/fileretriever"
	"go.uber.org/zap/zapcore"
)

// A question asks for a flag of the type of its default.
type question struct {
	Key     string         `json:"key"`
	Default any            `json:"default"`
	Context map[string]any `json:"context"`
}

// An answer is what the user's program gets.
type answer struct {
	Value   any    `json:"value"`
	Variant string `json:"variant"`
	Reason  string `json:"reason"`
	Error   string `json:"error"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openfeature:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ask, err := open(args)
	if err != nil {
		return err
	}
	if ask == nil {
		return nil
	}
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			return err
		}
		if err := out.Encode(ask(q)); err != nil {
			return err
		}
	}
	return in.Err()
}

func open(args []string) (func(question) answer, error) {
	switch {
	case len(args) == 3 && args[0] == "ofrep":
		return viaOFREP(args[1], args[2])
	case len(args) == 3 && args[0] == "page":
		encoder, err := page(context.Background(), args[1], args[2])
		fmt.Println(encoder)
		return nil, err
	case len(args) == 2 && args[0] == "flagd":
		return viaFlagd(args[1])
	case len(args) == 2 && args[0] == "goff":
		return viaGoff(args[1])
	}
	return nil, fmt.Errorf("usage: openfeature ofrep URL TOKEN | flagd FILE | goff FILE")
}

// page is what docs/flags.md shows.
func page(ctx context.Context, url, token string) (string, error) {
	openfeature.SetProviderAndWait(ofrep.NewProvider(url, ofrep.WithBearerToken(token)))
	client := openfeature.NewClient("ranker")
	server := openfeature.NewTargetlessEvaluationContext(map[string]any{"service": "ranker", "version": "v2"})
	encoder, err := client.StringValue(ctx, "encoder", "none", server)
	return encoder, err
}

func viaOFREP(url, token string) (func(question) answer, error) {
	if err := openfeature.SetProviderAndWait(ofrep.NewProvider(url, ofrep.WithBearerToken(token))); err != nil {
		return nil, err
	}
	client := openfeature.NewClient("test")
	return func(q question) answer {
		ctx, within := openfeature.NewTargetlessEvaluationContext(q.Context), context.Background()
		switch byDefault := q.Default.(type) {
		case bool:
			d, _ := client.BooleanValueDetails(within, q.Key, byDefault, ctx)
			return details(d.Value, d.EvaluationDetails)
		case string:
			d, _ := client.StringValueDetails(within, q.Key, byDefault, ctx)
			return details(d.Value, d.EvaluationDetails)
		case float64:
			d, _ := client.FloatValueDetails(within, q.Key, byDefault, ctx)
			return details(d.Value, d.EvaluationDetails)
		}
		return answer{Error: fmt.Sprintf("no flag has the type of %v", q.Default)}
	}, nil
}

func details(value any, d openfeature.EvaluationDetails) answer {
	return answer{Value: value, Variant: d.Variant, Reason: string(d.Reason), Error: string(d.ErrorCode)}
}

func viaFlagd(file string) (func(question) answer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	log, err := logger.NewZapLogger(zapcore.WarnLevel, "console") // what the schema objects to is a warning
	if err != nil {
		return nil, err
	}
	state := store.NewFlags()
	eval := evaluator.NewJSON(logger.NewLogger(log, false), state)
	if _, _, err := eval.SetState(sync.DataSync{FlagData: string(text), Source: file}); err != nil {
		return nil, err
	}
	return func(q question) answer {
		switch byDefault := q.Default.(type) {
		case bool:
			v, variant, reason, _, err := eval.ResolveBooleanValue(context.Background(), "1", q.Key, q.Context)
			return orDefault(v, byDefault, variant, reason, err)
		case string:
			v, variant, reason, _, err := eval.ResolveStringValue(context.Background(), "1", q.Key, q.Context)
			return orDefault(v, byDefault, variant, reason, err)
		case float64:
			v, variant, reason, _, err := eval.ResolveFloatValue(context.Background(), "1", q.Key, q.Context)
			return orDefault(v, byDefault, variant, reason, err)
		}
		return answer{Error: fmt.Sprintf("no flag has the type of %v", q.Default)}
	}, nil
}

func orDefault[T any](value, byDefault T, variant, reason string, err error) answer {
	if err != nil {
		return answer{Value: byDefault, Reason: reason, Error: err.Error()}
	}
	return answer{Value: value, Variant: variant, Reason: reason}
}

func viaGoff(file string) (func(question) answer, error) {
	client, err := ffclient.New(ffclient.Config{PollingInterval: time.Hour, FileFormat: "json", Retriever: &fileretriever.Retriever{Path: file}})
	if err != nil {
		return nil, err
	}
	return func(q question) answer {
		ctx := ffcontext.NewEvaluationContextBuilder("a-server")
		for name, value := range q.Context {
			ctx = ctx.AddCustom(name, value)
		}
		switch byDefault := q.Default.(type) {
		case bool:
			r, _ := client.BoolVariationDetails(q.Key, ctx.Build(), byDefault)
			return answer{r.Value, r.VariationType, string(r.Reason), string(r.ErrorCode)}
		case string:
			r, _ := client.StringVariationDetails(q.Key, ctx.Build(), byDefault)
			return answer{r.Value, r.VariationType, string(r.Reason), string(r.ErrorCode)}
		case float64:
			r, _ := client.Float64VariationDetails(q.Key, ctx.Build(), byDefault)
			return answer{r.Value, r.VariationType, string(r.Reason), string(r.ErrorCode)}
		}
		return answer{Error: fmt.Sprintf("no flag has the type of %v", q.Default)}
	}, nil
}

package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

func ExampleClient_Incidents() {
	client, inc, stop := rolledBack()
	defer stop()
	all, err := client.Incidents(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all), all[0].ID == inc.ID)
	// Output: 1 true
}

func ExampleClient_Incident() {
	client, inc, stop := rolledBack()
	defer stop()
	again, err := client.Incident(context.Background(), inc.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Service, again.Stable.Version)
	// Output: ranker v1
}

func ExampleClient_Page() {
	client, inc, stop := rolledBack()
	defer stop()
	page, err := client.Page(context.Background(), inc.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Contains(page, []byte("<html")))
	// Output: true
}

func ExampleClient_FollowUp() {
	client, inc, stop := rolledBack()
	defer stop()
	after, err := client.FollowUp(context.Background(), inc.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.SplitN(after.Files["review.md"], "\n", 2)[0])
	// Output: # Review: ranker: rollback by hand
}

func ExampleClient_Markdown() {
	client, inc, stop := rolledBack()
	defer stop()
	text, err := client.Markdown(context.Background(), inc.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.HasPrefix(text, []byte("# ")))
	// Output: true
}

func ExampleClient_Why() {
	client, stop := started()
	defer stop()
	why, err := client.Why(context.Background(), "ranker", "errors")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(why.Triggers[0].Trigger, "arms:", why.Triggers[0].Arms)
	// Output: errors arms: armed
}

func ExampleClient_Approval() {
	client, stop := started()
	defer stop()
	_, err := client.Approval(context.Background(), "753718cb01bb26fabed74ce8823d9efe")
	fmt.Println("no such question:", errors.Is(err, runbook.ErrNotFound))
	// Output: no such question: true
}

func ExampleClient_Answer() {
	client, stop := started()
	defer stop()
	_, err := client.Answer(context.Background(), "753718cb01bb26fabed74ce8823d9efe", api.Decision{Decision: "approve", Service: "ranker"})
	fmt.Println("no such question:", errors.Is(err, runbook.ErrNotFound))
	// Output: no such question: true
}

func ExampleClient_StartMirror() {
	client, stop := daemon()
	defer stop()
	m, err := client.StartMirror(context.Background(), "ranker", "default", runbook.MirrorOrder{Backend: "ranker-v2", Percent: 10, For: runbook.Duration(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Percent, "% to", m.Backend)
	// Output: 10 % to ranker-v2
}

func ExampleClient_StopMirror() {
	client, stop := daemon()
	defer stop()
	order := runbook.MirrorOrder{Backend: "ranker-v2", Percent: 10, For: runbook.Duration(time.Hour)}
	if _, err := client.StartMirror(context.Background(), "ranker", "default", order); err != nil {
		log.Fatal(err)
	}
	m, err := client.StopMirror(context.Background(), "ranker", "default", "the candidate falls over")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.On(), m.Ended)
	// Output: false stopped: the candidate falls over
}

func ExampleClient_Mirrors() {
	client, stop := daemon()
	defer stop()
	all, err := client.Mirrors(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all))
	// Output: 0
}

func ExampleClient_RecordShadow() {
	client, stop := daemon()
	defer stop()
	gate := shadow.Gate{Schema: shadow.SchemaGate, Service: "ranker", Verdict: shadow.Pass, Rule: "all good", At: time.Now(),
		Candidate: "sha256:" + strings.Repeat("2", 64), Stable: "sha256:" + strings.Repeat("1", 64), Report: "sha256:" + strings.Repeat("0", 64)}
	v, err := client.RecordShadow(context.Background(), gate)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Verdict, "recorded by", v.By)
	// Output: pass recorded by unauthenticated
}

func ExampleClient_ShadowVerdicts() {
	client, stop := daemon()
	defer stop()
	all, err := client.ShadowVerdicts(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all))
	// Output: 0
}

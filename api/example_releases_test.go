package api_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/runbook"
)

func ExampleClient_Start() {
	client, stop := daemon()
	defer stop()
	rel, err := client.Start(context.Background(), releaseFile())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rel.Candidate.Version, "gets", rel.Weight, "%")
	// Output: v2 gets 20 %
}

func ExampleClient_StartWith() {
	client, stop := daemon()
	defer stop()
	rel, err := client.StartWith(context.Background(), releaseFile(), api.StartOptions{NotProved: "the first release here"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rel.Phase)
	// Output: open
}

func ExampleClient_Releases() {
	client, stop := started()
	defer stop()
	all, err := client.Releases(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all), all[0].Service)
	// Output: 1 ranker
}

func ExampleClient_Release() {
	client, stop := started()
	defer stop()
	rel, err := client.Release(context.Background(), "ranker", "default")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rel.Phase, "at", rel.Weight, "%")
	// Output: open at 20 %
}

func ExampleClient_RampPlan() {
	client, stop := started()
	defer stop()
	plan, err := client.RampPlan(context.Background(), "ranker", "default")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(plan.Steps), "steps, the last at", plan.Steps[len(plan.Steps)-1].Weight, "%")
	// Output: 3 steps, the last at 100 %
}

func ExampleClient_Promote() {
	client, stop := started()
	defer stop()
	_, err := client.Promote(context.Background(), "ranker", "default")
	fmt.Println("refused:", errors.Is(err, runbook.ErrRefused)) // its ten minutes are not over
	// Output: refused: true
}

func ExampleClient_Flip() {
	client, stop := started()
	defer stop()
	_, err := client.Flip(context.Background(), "ranker", "default")
	fmt.Println("refused:", errors.Is(err, runbook.ErrRefused)) // it is no blue and green release
	// Output: refused: true
}

func ExampleClient_Hold() {
	client, stop := started()
	defer stop()
	rel, err := client.Hold(context.Background(), "ranker", "default", "conversion looks odd")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stopped:", rel.Stopped != nil)
	// Output: stopped: true
}

func ExampleClient_Resume() {
	client, stop := started()
	defer stop()
	if _, err := client.Hold(context.Background(), "ranker", "default", "conversion looks odd"); err != nil {
		log.Fatal(err)
	}
	rel, err := client.Resume(context.Background(), "ranker", "default", "it was the holiday")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stopped:", rel.Stopped != nil)
	// Output: stopped: false
}

func ExampleClient_Rollback() {
	client, stop := started()
	defer stop()
	inc, err := client.Rollback(context.Background(), "ranker", "default", "users complain")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inc.Candidate.Version, "back to", inc.Stable.Version, "by", inc.By)
	// Output: v2 back to v1 by unauthenticated
}

func ExampleClient_RollbackAll() {
	client, stop := started()
	defer stop()
	all, err := client.RollbackAll(context.Background(), "ranker", "users complain")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all), "region:", all[0].Region, all[0].Refused)
	// Output: 1 region: default
}

func ExampleClient_AcceptSplit() {
	client, stop := started()
	defer stop()
	_, err := client.AcceptSplit(context.Background(), "ranker", "default", "I set it to 10 % by hand")
	fmt.Println("refused:", errors.Is(err, runbook.ErrRefused)) // nobody changed the split
	// Output: refused: true
}

func ExampleClient_Recovery() {
	client, stop := started()
	defer stop()
	_, err := client.Recovery(context.Background(), "ranker", "default")
	fmt.Println("nothing is missing:", errors.Is(err, runbook.ErrNotFound))
	// Output: nothing is missing: true
}

func ExampleClient_Recover() {
	client, stop := started()
	defer stop()
	_, err := client.Recover(context.Background(), "ranker", "default", api.Recover{Reason: "restored the snapshot of 9:00", Plan: "sha256:…"})
	fmt.Println("nothing is missing:", errors.Is(err, runbook.ErrNotFound))
	// Output: nothing is missing: true
}

package api_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

func ExampleClient_Status() {
	client, stop := started()
	defer stop()
	st, err := client.Status(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(st.Releases), "release, automation is", st.Control.Mode)
	// Output: 1 release, automation is active
}

func ExampleClient_Control() {
	client, stop := daemon()
	defer stop()
	now, err := client.Control(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(now.Mode)
	// Output: active
}

func ExampleClient_SetControl() {
	client, stop := daemon()
	defer stop()
	now, err := client.SetControl(context.Background(), record.Control{Mode: runbook.Paused, Reason: "network maintenance", Until: time.Now().Add(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(now.Mode, "by", now.By)
	// Output: paused by unauthenticated
}

func ExampleClient_Orders() {
	client, stop := started()
	defer stop()
	all, err := client.Orders(context.Background(), view.OrderQuery{Service: "ranker", Limit: 10})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all), "order:", all[0].Action, "by", all[0].Name)
	// Output: 1 order: start by unauthenticated
}

func ExampleClient_Examine() {
	client, stop := daemon()
	defer stop()
	found, err := client.Examine(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Findings(), "finding:", found.Checks[0].Part, found.Checks[0].What)
	// Output: 1 finding: prometheus connection refused
}

func ExampleClient_Fire() {
	client, stop := daemon()
	defer stop()
	way, err := client.Fire(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("lost on the way to", way.Legs[0].To)
	// Output: lost on the way to Alertmanager
}

func ExampleClient_ExportFlags() {
	client, stop := started()
	defer stop()
	flags, err := client.ExportFlags(context.Background(), "ranker", "default", "flagd")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(flags.Document != nil)
	// Output: true
}

func ExampleClient_Lift() {
	client, inc, stop := rolledBack()
	defer stop()
	if err := client.Lift(context.Background(), inc.Candidate.Bundle, "the encoder was fixed in place"); err != nil {
		log.Fatal(err)
	}
	st, err := client.Status(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("barred:", len(st.Quarantine) > 0 && st.Quarantine[0].Bars())
	// Output: barred: false
}

package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const killEnv = "AUTOROLLBACK_STORE_WRITER"

// TestMain lets the test binary be the writer that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

// writeForEver sets two keys to one number after another, and prints each number
// once it is committed.
func writeForEver(path string) {
	f, err := OpenFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		left := entry(f, "left")
		n, _ := strconv.Atoi(string(left.Value))
		value := []byte(strconv.Itoa(n + 1))
		tx := NewTx(Op{Key: "left", Value: value, Index: left.Index}, Op{Key: "right", Value: value, Index: left.Index})
		if err := f.Commit(context.Background(), tx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(n + 1)
	}
}

func entry(f *File, key string) Entry {
	snap, err := f.Read(context.Background(), key)
	if err != nil {
		panic(err)
	}
	e, _ := snap.Get(key)
	return e
}

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := 0
	for range 20 {
		acknowledged = writeAndKill(t, path, acknowledged)
		f, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		left, right := string(entry(f, "left").Value), string(entry(f, "right").Value)
		f.Close()
		if left != right {
			t.Fatalf("half a transaction: %s and %s", left, right)
		}
		// The last one may have been committed without being told.
		if n, _ := strconv.Atoi(left); n < acknowledged || n > acknowledged+1 {
			t.Fatalf("it is at %d, acknowledged were %d", n, acknowledged)
		}
	}
	t.Logf("%d commits acknowledged over 20 kills", acknowledged)
}

// writeAndKill returns the last number that the writer printed.
func writeAndKill(t *testing.T, path string, last int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the writer wrote nothing")
	}
	// The moment of the kill is meant to be anywhere in a commit.
	kill := time.AfterFunc(rand.N(40*time.Millisecond), func() { cmd.Process.Kill() })
	defer kill.Stop()
	for ok := true; ok; ok = lines.Scan() {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	return last
}

//go:build !unix

package ranker

func CPUSeconds() float64 { return 0 }

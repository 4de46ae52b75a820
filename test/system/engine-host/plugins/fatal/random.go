// Package main is a plugin that ends the engine's process when it is opened.
package main

import (
	"fmt"
	"os"

	"example.com/host/api"
)

func init() {
	fmt.Fprintln(os.Stderr, "fatal error: the licence of this plugin has expired")
	os.Exit(3)
}

func Random() api.Source { return nil }

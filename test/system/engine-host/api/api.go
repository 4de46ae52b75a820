// Package api has what an engine and its plugins agree on, as Kuiper's api package: whoever changes it builds both anew.
package api

// Source gives messages until it is closed.
type Source interface {
	// Configure is called once, before Open. What it returns as an error stops the rule before it started.
	Configure(datasource string) error
	// Open returns when done is closed, or after it has sent an error.
	Open(messages chan<- map[string]interface{}, errors chan<- error, done <-chan struct{})
}

// Sink takes messages. An error of Collect stops the rule.
type Sink interface {
	Configure() error
	Collect(message map[string]interface{}) error
}

// Function is called with one argument for each message.
type Function interface {
	// Exec returns the result and true, or an error and false, which stops the rule.
	Exec(argument interface{}) (interface{}, bool)
}

// Package main has several functions, of which none has the plugin's name.
package main

type double struct{}

func (double) Exec(argument interface{}) (interface{}, bool) {
	number, _ := argument.(int)
	return 2 * number, true
}

type half struct{}

func (half) Exec(argument interface{}) (interface{}, bool) {
	number, _ := argument.(int)
	return number / 2, true
}

var (
	Double double
	Half   half
)

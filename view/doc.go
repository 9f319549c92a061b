// Package view has what is computed from the records when somebody asks, people or machines: how all
// targets stand, why a service was rolled back or not, what an order would do, what the doctor found. It is
// what pages, the JSON API and the command line show. None of it is ever stored, and no stored record holds
// any of it: what is written down is in package record, which never imports this one. It never reads or
// writes anything.
package view

// Package supply has the tests of what gatehouse is made of: which versions, which imports, what scanners say.
package supply

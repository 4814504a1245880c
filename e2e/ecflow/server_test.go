package ecflow

import (
	"fmt"
	"os"
	"testing"
)

func TestServerRunsInANetworkOfItsOwn(t *testing.T) {
	server := Install(t).Start(t)
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", server.process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if its == ours {
		t.Error("the server listens on all addresses of this machine")
	}
}

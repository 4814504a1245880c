package gate

// Listed is how many users' logins are listed, and how many credentials.
func (m *Memory) Listed() (users, credentials int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.logins), len(m.names)
}

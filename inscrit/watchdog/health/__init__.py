"""The page “Health” of the back office: the main numbers, for those without Grafana."""

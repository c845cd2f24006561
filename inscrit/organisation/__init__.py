"""Who organises the events: the name and address that stand on pages, mails and receipts."""

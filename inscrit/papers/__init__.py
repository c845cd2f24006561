"""What a registrant takes along: the receipt, the calendar's file, the code for the entrance."""

"""What a notebook uses: functions over the ones that the commands call, and objects that show themselves."""

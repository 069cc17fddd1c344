"""The names of fields in files, requests, answers and messages, where they differ from the attributes.

The one place that spells them. The serializers declare fields by these names, which a test compares with this table.
"""

IM_URL = "imUrl"
SALES_RANK = "salesRank"
IS_LISTED = "listed"
REVIEWER_ID = "reviewerID"
REVIEWER_NAME = "reviewerName"
REVIEW_TEXT = "reviewText"
UNIX_REVIEW_TIME = "unixReviewTime"
REVIEW_TIME = "reviewTime"

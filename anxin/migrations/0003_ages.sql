-- How long each class of data is kept (domain P-07): see the parts of the variants.
comment on table readings is 'kept 30 days';

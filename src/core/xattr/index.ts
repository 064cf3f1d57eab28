export {
  ActivityFeed,
  collectActivities,
  type ActivitySource,
  type CollectedActivities,
  type CollectOptions,
} from './activity-feed.ts'
export { mayDo } from './capability-words.ts'
export { FactListing, type ListFacts } from './fact-listing.ts'
export { Facts, type FactsDeps, type FileView } from './facts.ts'
export {
  activityJson,
  describeActivity,
  formatActivity,
  type ActivityFormat,
  type ActivityJson,
  type ActivityRow,
} from './format-activity.ts'

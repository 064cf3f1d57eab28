export { ChangeFollower, type FollowState } from './change-follower.ts'

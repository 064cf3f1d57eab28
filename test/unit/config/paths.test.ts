import { describe, expect, it } from 'vitest'
import { accountFolders, logFile, paths, serverFolderName } from '../../../src/config/paths.ts'

describe('XDG folders', () => {
  it('fall back to the home folder', () => {
    expect(paths({ HOME: '/home/ann' })).toEqual({
      configFolder: '/home/ann/.config/cloudreve-mount',
      configFile: '/home/ann/.config/cloudreve-mount/config.toml',
      stateFolder: '/home/ann/.local/state/cloudreve-mount',
      cacheFolder: '/home/ann/.cache/cloudreve-mount',
      runtimeFolder: `/tmp/cloudreve-mount-${process.getuid?.()}`,
    })
  })

  it('follow the variables, but not relative ones', () => {
    const found = paths({
      HOME: '/home/ann',
      XDG_CONFIG_HOME: '/c',
      XDG_STATE_HOME: 'relative',
      XDG_CACHE_HOME: '/x',
      XDG_RUNTIME_DIR: '/run/user/1000',
    })
    expect(found.configFile).toBe('/c/cloudreve-mount/config.toml')
    expect(found.stateFolder).toBe('/home/ann/.local/state/cloudreve-mount')
    expect(found.cacheFolder).toBe('/x/cloudreve-mount')
    expect(found.runtimeFolder).toBe('/run/user/1000/cloudreve-mount')
  })

  it('keep servers and users apart', () => {
    const all = paths({ HOME: '/h' })
    const folders = [
      accountFolders(all, 'https://cloud.example.com', 'lpua'),
      accountFolders(all, 'http://cloud.example.com', 'lpua'),
      accountFolders(all, 'https://cloud.example.com:8443', 'lpua'),
      accountFolders(all, 'https://cloud.example.com/drive/', 'lpua'),
      accountFolders(all, 'https://cloud.example.com', 'mKua'),
    ].map(({ stateFolder }) => stateFolder)
    expect(new Set(folders).size).toBe(folders.length)
    expect(folders[0]).toBe('/h/.local/state/cloudreve-mount/cloud.example.com/lpua')
  })

  it('a server is one folder however its address is written, and never leaves the folder above', () => {
    expect(serverFolderName('https://Cloud.Example.com/')).toBe(serverFolderName('https://cloud.example.com'))
    expect(accountFolders(paths({ HOME: '/h' }), 'https://a', '../../x').stateFolder).not.toContain('/..')
  })

  it('a log is named after its mountpoint and fits into a file name', () => {
    const all = paths({ HOME: '/h' })
    expect(logFile(all, '/home/ann/my cloud')).toBe(
      '/h/.local/state/cloudreve-mount/logs/home-ann-my_cloud.log',
    )
    expect(logFile(all, `/${'x'.repeat(300)}`).length).toBeLessThan(255)
  })
})

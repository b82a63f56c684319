# shellcheck shell=bash disable=SC2034 # `run` reads it
# For each program the options that we or Hermes may use on a Mac, as getopts takes them.
declare -A options=(
  [awk]=F:v:f: [basename]=as: [cat]=benstuv [chmod]=RHLPfvhrwxXst [chown]=RHLPfhv [chgrp]=RHLPfhv
  [cksum]='' [cmp]=sl [comm]=123 [cp]=RHLPafinpv [cut]=b:c:d:f:ns [dirname]='' [du]=HLPasd:chkx
  [diff]=abBcdeiNqrsTtuwU: [egrep]=A:B:C:EFGHILRabce:f:hilm:noqrsvwx [env]=i0u:S: [expand]=t:
  [fgrep]=A:B:C:EFGHILRabce:f:hilm:noqrsvwx [find]=EHLPXdsx [fold]=bsw:
  [grep]=A:B:C:EFGHILRabce:f:hilm:noqrsvwx [groups]='' [gunzip]=cdfklqtv [gzip]=123456789cdfklnqtv
  [head]=0123456789n:c: [hostname]=fs [id]=Ggnru [install]=dm:o:g:cpsv [join]=a:e:j:o:t:v:1:2:
  [ln]=sfniv [ls]=1ACFHLPRSacdfghiklmnopqrstux [mkdir]=pm:v [mkfifo]=m: [mv]=finv [nice]=n: [nohup]=''
  [nl]=b:d:f:h:i:l:n:ps:v:w: [od]=A:abcdfij:lN:ost:vx [paste]=d:s [readlink]=fn [realpath]=q
  [rm]=dfIiRrv [rmdir]=pv [rev]='' [seq]=f:s:w [sleep]='' [sort]=bCcdfghik:mno:Rrst:uz
  [split]=a:b:dl: [stty]=aef: [tail]=0123456789c:fFn:r [tee]=ai [touch]=achmr:t:d: [tr]=Ccds [tty]=s
  [uniq]=cdf:is:u [wc]=clmw [which]=as [whoami]='' [xargs]=0E:I:L:n:P:prs:tx
)
# What `find` may be asked for.
declare -A primaries
for word in -E -H -L -P -X -a -amin -and -anewer -atime -cmin -cnewer -ctime -delete -depth -empty -exec \
  -execdir -false -flags -fstype -group -iname -inum -ipath -iregex -links -ls -maxdepth \
  -mindepth -mmin -mtime -name -newer -not -o -ok -or -path -perm -print -print0 -prune -quit \
  -regex -size -true -type -uid -gid -user -xdev -mount -x -h; do
  primaries[$word]=yes
done
